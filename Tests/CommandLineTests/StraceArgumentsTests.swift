// How strace's command lines become ours. The source is linked into this folder: it is pure, and its module a program.

import Testing

@Suite struct StraceArgumentsTests {
    @Test(arguments: [
        ("ls -l", "trace -- ls -l"),
        ("-ffttTyy -s 4096 -o F ls", "trace -f -f -t -t -T -y -y -s 4096 -o F -- ls"),
        ("-ofile -eopenat ls", "trace -o file -e openat -- ls"),
        ("-e -weird ls", "trace -e=-weird -- ls"),
        ("-f -- -x", "trace -f -- -x"),
        ("record -o run.mcap make -f x", "record -o run.mcap -- make -f x"),
        ("show -e openat run.mcap", "show -e openat run.mcap"),
        ("show --help", "help show"),
        ("--signal=INT ls", "trace -e signal=INT -- ls"),
        ("--status failed ls", "trace -e status=failed -- ls"),
        ("--quiet ls", "trace -q -- ls"),
        ("--quiet=exit ls", "trace -e quiet=exit -- ls"),
        ("--decode-fds ls", "trace -y -- ls"),
        ("--decode-fds=all ls", "trace -e decode-fds=all -- ls"),
        ("--daemonize=pgroup ls", "trace -D -D -- ls"),
        ("--strings-in-hex ls", "trace -x -x -- ls"),
        ("--relative-timestamps ls", "trace --relative-timestamps=us -- ls"),
        ("--syscall-times=ns ls", "trace --syscall-times=ns -- ls"),
        ("--trace-path /etc ls", "trace --trace-path /etc -- ls"),
        ("--nonsense ls", "trace --nonsense -- ls"),
    ])
    func normalises(typed: String, meant: String) {
        #expect(normalise(typed.split(separator: " ").map(String.init)).joined(separator: " ") == meant)
    }
}
