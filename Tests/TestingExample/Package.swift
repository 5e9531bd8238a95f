// swift-tools-version: 6.1
// A package whose tests say what its programs may do: how AbitraceTesting is used, and what keeps it true.
import PackageDescription

let package = Package(
    name: "TestingExample",
    dependencies: [.package(name: "abitrace", path: "../..")],
    targets: [
        .testTarget(
            name: "ExampleTests", dependencies: [.product(name: "AbitraceTesting", package: "abitrace")],
            swiftSettings: [.swiftLanguageMode(.v6)])
    ]
)
