#!/usr/bin/env python3
"""Prints a recording as JSON, a line a record, with nothing of ours: only the public MCAP and protobuf readers.

Needs: pip install mcap mcap-protobuf-support
"""
import json
import sys

from google.protobuf.json_format import MessageToDict
from mcap.reader import NonSeekingReader, make_reader
from mcap_protobuf.decoder import DecoderFactory


def show(kind, value):
    print(json.dumps({kind: value}, sort_keys=True))


def main():
    arguments = sys.argv[1:]
    # --stream reads without the index, as one must after a crash.
    stream = "--stream" in arguments
    paths = [argument for argument in arguments if argument != "--stream"]
    if len(paths) != 1:
        sys.exit("usage: read_recording.py [--stream] RECORDING")
    with open(paths[0], "rb") as file:
        factories = [DecoderFactory()]
        if stream:
            reader = NonSeekingReader(file, validate_crcs=True, decoder_factories=factories)
        else:
            reader = make_reader(file, validate_crcs=True, decoder_factories=factories)
            show("statistics", {
                "messages": reader.get_summary().statistics.message_count,
                "channels": sorted(channel.topic for channel in reader.get_summary().channels.values()),
            })
            for attachment in reader.iter_attachments():
                show("attachment", {"name": attachment.name, "data": attachment.data.decode("utf-8", "replace")})
        for _, channel, _, record in reader.iter_decoded_messages(log_time_order=False):
            fields = MessageToDict(record, preserving_proto_field_name=True)
            print(json.dumps({"topic": channel.topic, **fields}, sort_keys=True))


if __name__ == "__main__":
    main()
