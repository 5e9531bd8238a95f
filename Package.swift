// swift-tools-version: 6.1
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .unsafeFlags(["-warnings-as-errors"])]

let package = Package(
    name: "abitrace",
    products: [.executable(name: "abitrace", targets: ["abitrace"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0")
    ],
    targets: [
        .target(name: "Messages", swiftSettings: strict),
        .target(name: "Personalities", dependencies: ["Messages"], swiftSettings: strict),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(name: "Recording", dependencies: ["Messages", "CZstd"], swiftSettings: strict),
        .target(name: "Rendering", dependencies: ["Messages"], swiftSettings: strict),
        .target(name: "CLinux"),
        .target(
            name: "Interception", dependencies: ["Messages", "Personalities", "Recording", "CLinux"],
            swiftSettings: strict),
        .target(
            name: "Supervision",
            dependencies: ["Messages", "Personalities", "Recording", "Rendering", "Interception", "CLinux"],
            swiftSettings: strict),
        .executableTarget(
            name: "abitrace",
            dependencies: [
                "Messages", "Personalities", "Recording", "Rendering", "Interception", "Supervision",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "PersonalitiesTests", dependencies: ["Messages", "Personalities"], swiftSettings: strict),
        .testTarget(
            name: "InterceptionTests", dependencies: ["Messages", "Personalities", "Recording", "Interception"],
            swiftSettings: strict),
        .testTarget(name: "RecordingTests", dependencies: ["Recording"], swiftSettings: strict),
        .testTarget(name: "RenderingTests", dependencies: ["Rendering"], swiftSettings: strict),
    ]
)
