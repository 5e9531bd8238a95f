// How abitrace ends: its own exit codes, its messages, and the program's ending passed on.

import ArgumentParser
import Glibc
import Supervision

/// abitrace's own exit codes.
enum ExitStatus {
    static let failure: Int32 = 1
    static let usage: Int32 = 2
}

/// A failure that is said in one sentence.
struct Failure: Error, CustomStringConvertible {
    let description: String
    var status = ExitStatus.failure
}

/// Writes a line of abitrace's own to standard error.
func complain(_ text: String) {
    let line = Array("abitrace: \(text)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
}

/// Writes a line to standard output and ends well.
func exitSaying(_ text: String) -> Never {
    print(text)
    exit(0)
}

/// Ends with the message and code of an error.
func leave(with error: any Error) -> Never {
    switch error {
    case let error as ExitCode:
        exit(error.rawValue)
    case let error as LaunchError:
        complain(error.description)
        exit(error.exitCode)
    case let error as Failure:
        complain(error.description)
        exit(error.status)
    case let error as FilterError:
        complain(error.description)
        exit(ExitStatus.usage)
    default: break
    }
    let code = Abitrace.exitCode(for: error)
    if code == .success { Abitrace.exit(withError: error) }
    if code == .validationFailure {
        let message = Array((Abitrace.fullMessage(for: error) + "\n").utf8)
        _ = write(STDERR_FILENO, message, message.count)
        exit(ExitStatus.usage)
    }
    complain("\(error)")
    exit(ExitStatus.failure)
}

/// Ends as the program ended.
func leave(as ending: Ending) -> Never {
    switch ending {
    case .exited(let status): exit(status)
    case .killed(let signal): endBySignal(signal)
    case .detached: exit(0)
    }
}
