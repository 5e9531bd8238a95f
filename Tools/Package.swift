// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "generate",
    targets: [
        .executableTarget(name: "generate")
    ]
)
