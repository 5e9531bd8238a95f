// abitrace personality: the call interfaces that are known, as data.

import ArgumentParser
import Messages
import Reference

struct ShowPersonality: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "personality",
        abstract: "Show where a call interface keeps number, arguments, results, errors and thread data.",
        subcommands: [List.self, One.self, Table.self], defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Name the personalities.")

        func run() throws {
            for personality in Reference.built.entries("personality") {
                print("\(personality.name)  entered by \(personality.first("enter") ?? "")")
            }
        }
    }

    struct Table: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the numbers of calls in the form that --numbers takes.")

        @ArgumentParser.Argument(help: "x86_64 or i386.")
        var names: [String] = []

        func run() throws {
            for name in names where !Personality.allCases.contains(where: { $0.name == name }) {
                throw ValidationError("there is no personality '\(name)'")
            }
            for personality in Personality.allCases where names.isEmpty || names.contains(personality.name) {
                let table = personality == .x86_64 ? SpecTables.x86_64 : SpecTables.i386
                for (number, index) in table.enumerated() where index >= 0 {
                    print("\(personality.name) \(number) \(SpecTables.calls[Int(index)].name)")
                }
            }
        }
    }

    struct One: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Describe one personality, or all.")

        @ArgumentParser.Argument(help: "x86_64 or i386.")
        var names: [String] = []

        func run() throws {
            let reference = Reference.built
            let known = reference.entries("personality").map(\.name)
            for name in names where !known.contains(name) {
                throw ValidationError("there is no personality '\(name)'; there are \(known.joined(separator: ", "))")
            }
            for (index, name) in (names.isEmpty ? known : names).enumerated() {
                if index > 0 { print() }
                for explanation in reference.explain(name) { print(explanation.text, terminator: "") }
            }
        }
    }
}
