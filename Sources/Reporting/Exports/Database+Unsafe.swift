// SQLite's C interface, as far as an export needs it (sqlite.org/c3ref).

import CSQLite

/// A database that could not be written.
public struct DatabaseError: Error, CustomStringConvertible {
    public let description: String
}

/// A new database in a file.
final class Database {
    private var handle: OpaquePointer?

    init(path: String) throws(DatabaseError) {
        guard sqlite3_open(path, &handle) == SQLITE_OK else { throw failure() }
    }

    deinit { sqlite3_close(handle) }

    func run(_ statement: String) throws(DatabaseError) {
        guard sqlite3_exec(handle, statement, nil, nil, nil) == SQLITE_OK else { throw failure() }
    }

    func prepare(_ statement: String) throws(DatabaseError) -> Statement {
        var prepared: OpaquePointer?
        guard sqlite3_prepare_v2(handle, statement, -1, &prepared, nil) == SQLITE_OK else { throw failure() }
        return Statement(prepared, self)
    }

    fileprivate func failure() -> DatabaseError {
        DatabaseError(description: String(cString: sqlite3_errmsg(handle)))
    }

    /// A value of a row.
    enum Cell {
        case none
        case number(Int64)
        case text(String)
    }

    /// A statement that is run for many rows.
    final class Statement {
        private let prepared: OpaquePointer?
        private let database: Database

        fileprivate init(_ prepared: OpaquePointer?, _ database: Database) {
            self.prepared = prepared
            self.database = database
        }

        deinit { sqlite3_finalize(prepared) }

        func run(_ cells: [Cell]) throws(DatabaseError) {
            for (index, cell) in cells.enumerated() { bind(cell, Int32(index) + 1) }
            guard sqlite3_step(prepared) == SQLITE_DONE else { throw database.failure() }
            sqlite3_reset(prepared)
        }

        private func bind(_ cell: Cell, _ place: Int32) {
            // SQLITE_TRANSIENT: the text is copied before the call returns.
            let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
            switch cell {
            case .none: sqlite3_bind_null(prepared, place)
            case .number(let number): sqlite3_bind_int64(prepared, place, number)
            case .text(let text):
                var text = text
                text.withUTF8 { bytes in
                    bytes.withMemoryRebound(to: CChar.self) { chars in
                        _ = sqlite3_bind_text(prepared, place, chars.baseAddress, Int32(clamping: chars.count), copied)
                    }
                }
            }
        }
    }
}
