// The frame that a signal handler returns through: where the mask lies that rt_sigreturn restores.

import Messages

/// struct rt_sigframe (arch/x86/include/asm/sigframe.h). rt_sigreturn has no arguments: the kernel finds the frame by
/// the stack pointer, which the interceptor hands on as a first argument.
enum SignalFrame {
    /// Where uc_sigmask lies. `read` fetches a 32-bit pointer.
    static func mask(_ stack: UInt64, _ personality: Personality, _ read: (UInt64) -> UInt64?) -> UInt64? {
        switch personality {
        case .x86_64:
            // The handler's return has taken pretcode off the stack. ucontext: flags 8, link 8, stack 24, sigcontext 256.
            return stack &+ 296
        case .i386:
            // signal number, pointer to siginfo, pointer to ucontext: flags 4, link 4, stack 12, sigcontext 88.
            return read(stack &+ 8).map { $0 &+ 108 }
        }
    }
}

extension CallView {
    /// `{mask=[INT]}`, or where the frame is that cannot be read.
    func signalFrame(_ stack: UInt64) -> Value {
        let place = SignalFrame.mask(stack, personality) { snapshot.number(at: $0, width: 4) }
        guard let place, let mask = snapshot.number(at: place, width: 8) else { return .address(stack) }
        return .record([Field("mask", .signalSet(mask))])
    }
}
