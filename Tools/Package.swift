// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "generate",
    targets: [
        .target(name: "Reference"),
        .executableTarget(name: "generate", dependencies: ["Reference"]),
        .testTarget(name: "GenerateTests", dependencies: ["generate"]),
    ]
)
