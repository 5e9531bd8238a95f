// abitrace policy new: a starting point.

import ArgumentParser

struct PolicyNew: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Print a policy with comments, to start from.",
        discussion: """
            Templates are the policies that come with abitrace: \(PolicyFiles.shippedNames.joined(separator: ", ")).

            Examples:
              abitrace policy new > mine.yaml
              abitrace policy new --from build > mine.yaml
            """)

    @Option(name: .long, help: "Start from a policy that comes with abitrace, or from a file.")
    var from: String?

    func run() throws {
        guard let from else { return print(Self.template, terminator: "") }
        print(String(decoding: try PolicyFiles.found(from).bytes, as: UTF8.self), terminator: "")
    }

    static let template = """
        abitrace: policy/1
        name: mine
        description: What the program holds, in a sentence.
        default: deny                  # what no grant allows: deny [ERRNO], ask, warn or kill

        files:                         # the deepest entry that covers the object decides
          /usr: ro+run                 # ro rw append create delete attr run; none makes it absent
          /etc: ro
          ${CWD}: rw+create+delete
          /tmp: rw+create+delete
          /dev/null: rw

        # network:
        #   connect: ["tcp 127.0.0.1:5432", "unix /run/db/*"]
        #   listen: ["tcp 127.0.0.1:8080"]

        # classes:                     # whole classes and single operations
        #   mem.lock: stub
        #   sched.set: {deny: EPERM}

        # rules:
        #   - on: file.open
        #     where: {path: /etc/hosts}
        #     rewrite: {path: ./fixtures/hosts}
        #     because: tests must not see the developer's machine

        """
}
