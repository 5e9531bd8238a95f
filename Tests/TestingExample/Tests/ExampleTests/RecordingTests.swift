// The same with XCTest, and with a recording that was made before.

import AbitraceTesting
import Foundation
import XCTest

final class RecordingTests: XCTestCase {
    func testARecordingIsLoaded() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("example-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = try RecordedRun.of(["true"], in: folder)
        let kept = folder.appendingPathComponent("true.mcap")
        try FileManager.default.copyItem(at: first.recording, to: kept)
        let run = try RecordedRun(contentsOf: kept)
        XCTAssertEqual(run.messages.map(\.call), first.messages.map(\.call))
        XCTAssertEqual(run.messages.first?.operation, "proc.exec")
        try run.expect(.opensNothing(outside: "/usr"), .writesNothing(outside: "/usr"), .runsOnly("true"))
        XCTAssertThrowsError(try run.expect(.runsOnly("false"))) { error in
            XCTAssertTrue(error.localizedDescription.contains("true is not among them"), error.localizedDescription)
        }
    }
}
