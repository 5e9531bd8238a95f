// Builds the program that runs in the kernel from its source, and makes its bytes part of the module that loads it.

import Foundation
import PackagePlugin

@main
struct KernelProgram: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let folder = context.package.directoryURL.appending(path: "Sources/CBPF")
        let script = context.package.directoryURL.appending(path: "Tools/compile-kernel-program")
        let source = folder.appending(path: "calls.bpf.c")
        let output = context.pluginWorkDirectoryURL.appending(path: "KernelProgramBytes.swift")
        return [
            .buildCommand(
                displayName: "Compiling calls.bpf.c for the kernel",
                executable: script,
                arguments: [try context.tool(named: "clang").url.path, source.path, output.path],
                inputFiles: [script, source]
                    + ["records.h", "kernel.h", "desk.h", "objects.h", "capture.h"].map { folder.appending(path: $0) },
                outputFiles: [output])
        ]
    }
}
