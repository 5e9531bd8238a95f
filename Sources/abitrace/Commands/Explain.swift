// abitrace explain: what a word of the kernel's or of ours means.

import ArgumentParser
import Glibc
import Reference

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what a call, operation, class, constant, errno, signal, struct or personality is.",
        discussion: "For example: abitrace explain openat file.open O_TMPFILE ENOTTY 25 statx i386")

    @Argument(help: "What to explain: openat, file.open, sock, O_TMPFILE, ENOTTY, SIGCHLD, statx, i386.")
    var words: [String]

    func run() throws {
        let reference = Reference.built
        var unknown = false
        var isFirst = true
        for word in words {
            let found = reference.explain(word)
            if found.isEmpty {
                unknown = true
                let near = reference.suggestions(for: word)
                complain(
                    "nothing is called '\(word)'" + (near.isEmpty ? "" : "; is it \(near.joined(separator: ", "))?"))
            }
            for explanation in found {
                if !isFirst { print() }
                isFirst = false
                print(explanation.text, terminator: "")
            }
        }
        if unknown { Glibc.exit(ExitStatus.failure) }
    }
}
