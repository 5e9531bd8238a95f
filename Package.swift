// swift-tools-version: 6.1
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .unsafeFlags(["-warnings-as-errors"])]

/// What runs at every stop: exclusive access to memory is checked at run time in debug builds, which the tests use.
let hot: [SwiftSetting] =
    strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

let package = Package(
    name: "abitrace",
    products: [
        .executable(name: "abitrace", targets: ["abitrace"]),
        .library(name: "AbitraceTesting", targets: ["AbitraceTesting"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0")
    ],
    targets: [
        .target(name: "Messages", swiftSettings: strict),
        .target(name: "Personalities", dependencies: ["Messages"], swiftSettings: strict),
        .target(name: "Objects", dependencies: ["Messages"], swiftSettings: strict),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .target(name: "Policy", dependencies: ["Messages", "CYAML"], swiftSettings: strict),
        .target(name: "Lowering", dependencies: ["Messages", "Policy"], swiftSettings: strict),
        .target(
            name: "Authoring", dependencies: ["Messages", "Personalities", "Objects", "Policy"], swiftSettings: strict),
        .target(name: "Reference", swiftSettings: strict),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(name: "Recording", dependencies: ["Messages", "CZstd"], swiftSettings: hot),
        .target(name: "Rendering", dependencies: ["Messages", "Objects", "Personalities"], swiftSettings: strict),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .target(
            name: "Reporting",
            dependencies: [
                "Messages", "Objects", "Personalities", "Policy", "Authoring", "Rendering", "CSQLite",
            ],
            swiftSettings: strict),
        .target(name: "CLinux"),
        .systemLibrary(
            name: "CBPF", pkgConfig: "libbpf", providers: [.apt(["libbpf-dev", "libelf-dev", "zlib1g-dev"])]),
        .plugin(name: "KernelProgram", capability: .buildTool()),
        .target(
            name: "Interception", dependencies: ["Messages", "Personalities", "Recording", "CLinux", "CBPF"],
            swiftSettings: hot, plugins: ["KernelProgram"]),
        .target(
            name: "Supervision",
            dependencies: [
                "Messages", "Objects", "Personalities", "Policy", "Lowering", "Recording", "Rendering", "Interception",
                "CLinux",
            ],
            swiftSettings: hot),
        .executableTarget(
            name: "abitrace",
            dependencies: [
                "Messages", "Objects", "Personalities", "Policy", "Lowering", "Authoring", "Recording", "Rendering",
                "Reporting", "Interception", "Supervision", "Reference",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        // For other packages' tests: without unsafe flags, which SwiftPM refuses in a dependency.
        .target(name: "AbitraceTesting", swiftSettings: [.swiftLanguageMode(.v6)]),
        .testTarget(
            name: "PersonalitiesTests", dependencies: ["Messages", "Personalities"], swiftSettings: strict),
        .testTarget(
            name: "InterceptionTests", dependencies: ["Messages", "Personalities", "Recording", "Interception"],
            swiftSettings: strict),
        .testTarget(name: "ObjectsTests", dependencies: ["Messages", "Objects"], swiftSettings: strict),
        .testTarget(name: "RecordingTests", dependencies: ["Recording"], swiftSettings: strict),
        .testTarget(name: "CommandLineTests", swiftSettings: strict),
        .testTarget(name: "PolicyTests", dependencies: ["Messages", "Personalities", "Policy"], swiftSettings: strict),
        .testTarget(
            name: "AuthoringTests", dependencies: ["Messages", "Personalities", "Objects", "Policy", "Authoring"],
            swiftSettings: strict),
        .testTarget(
            name: "LoweringTests", dependencies: ["Messages", "Personalities", "Policy", "Lowering"],
            swiftSettings: strict),
        .testTarget(
            name: "SupervisionTests", dependencies: ["Messages", "Policy", "Lowering", "Supervision", "CLinux"],
            swiftSettings: strict),
        .testTarget(
            name: "ReferenceTests", dependencies: ["Reference", "Messages", "Personalities"], swiftSettings: strict),
        .testTarget(
            name: "RenderingTests", dependencies: ["Messages", "Personalities", "Rendering"], swiftSettings: strict),
    ]
)
