// The fault handler of windlass's modules, for Rust hosts: a trap ends the host's call of the module, which
// returns an error. To `include!` in a module of its own, once, whatever modules the program has. Written
// by windlass, for Armv7-M and Armv8-M Mainline; Rust 1.88 or later.
//
// `windlass_fault_handler` belongs into the vectors of UsageFault and HardFault. With cortex-m-rt, whose
// vectors are symbols:
//
//     windlass::fault_vectors!();
//
// and UsageFault enabled: `peripherals.SCB.enable(Exception::UsageFault)`. Without that, traps escalate to
// HardFault and are handled all the same. A fault that is no module's trap goes to
// `windlass_unhandled_fault(frame, exc_return)`, which the host defines.
//
// The same as windlass.c, which says more; docs/abi.md, "Traps", has the layouts.

use core::arch::naked_asm;

/// The head of every instance.
#[repr(C)]
struct Instance {
    memory: [u32; 3],
    stack_limit: u32,
    chain: *const u32,
    trap: i32,
    interrupt: u32,
    trap_pc: u32,
}

// What an entry leaves on the stack, in words. What follows the head lies 16 words higher if entries save
// d8 to d15.
const PREVIOUS: usize = 0;
const HEAD: usize = 2;
const SAVED_R9: usize = 5;
const SAVED_LR: usize = 8;
const FLOATS: usize = 16;

/// The previous record of an entry that instantiate called.
const STARTING: u32 = 1;

/// Where a section of modules' code lies.
#[repr(C)]
struct Code {
    from_here: i32,
    /// The lowest bit: its entries save d8 to d15.
    bytes: u32,
}

unsafe extern "C" {
    // The linker defines them if there is a module.
    static __start_windlass_code: [Code; 0];
    static __stop_windlass_code: [Code; 0];

    fn windlass_unhandled_fault(frame: *mut u32, exc_return: u32);
}

// Configurable Fault Status Register, HardFault Status Register (ARMv7-M B3.2.15, B3.2.16).
const CFSR: *mut u32 = 0xe000_ed28 as *mut u32;
const HFSR: *mut u32 = 0xe000_ed2c as *mut u32;
const CFSR_UNDEFINSTR: u32 = 1 << 16;
/// MSTKERR, STKERR, STKOF: there is no frame.
const CFSR_STACKING: u32 = 1 << 4 | 1 << 12 | 1 << 20;
const HFSR_FORCED: u32 = 1 << 30;

// Words of an exception frame, and what in xPSR interrupts an instruction: ICI and IT.
const FRAME_PC: usize = 6;
const FRAME_XPSR: usize = 7;
const XPSR_ICI_IT: u32 = 0x0600_fc00;

/// The section of code around an address.
unsafe fn code_at(address: u32) -> Option<&'static Code> {
    unsafe {
        let mut code = (&raw const __start_windlass_code).cast::<Code>();
        while code < (&raw const __stop_windlass_code).cast() {
            let start = (code as u32).wrapping_add_signed((*code).from_here);
            if address.wrapping_sub(start) < (*code).bytes & !1 {
                return Some(&*code);
            }
            code = code.add(1);
        }
        None
    }
}

/// Ends the call that led to a trap, and with it those of other modules that called it. Answers where to
/// go on, 0 if there is no call, and the r9 to go on with: the instance whose innermost record is that of
/// the outermost of these calls.
unsafe fn unwind(trap: i32, mut instance: *mut Instance, pc: u32) -> (u32, *mut Instance) {
    unsafe {
        let Some(code) = code_at(pc).filter(|_| !(*instance).chain.is_null()) else {
            return (0, instance);
        };
        let floats = if code.bytes & 1 != 0 { FLOATS } else { 0 };
        loop {
            (*instance).trap = trap;
            (*instance).trap_pc = pc;
            let record = (*instance).chain;
            let saved = record.add(HEAD + floats);
            // Called by the host, or by instantiate?
            if *record.add(PREVIOUS) == STARTING || code_at(*saved.add(SAVED_LR) & !1).is_none() {
                break;
            }
            (*instance).chain = *record.add(PREVIOUS) as *const u32;
            instance = *saved.add(SAVED_R9) as *mut Instance;
        }
        let pad = if floats != 0 { landing_pad_fp as *const () } else { landing_pad as *const () };
        (pad as u32, instance)
    }
}

/// Is it the trap of a module?
unsafe fn trap_of(frame: *const u32) -> Option<i32> {
    unsafe {
        let status = CFSR.read_volatile();
        if status & CFSR_UNDEFINSTR == 0 || status & CFSR_STACKING != 0 {
            return None;
        }
        let pc = *frame.add(FRAME_PC);
        code_at(pc)?;
        // udf #code
        let instruction = *(pc as *const u16);
        (instruction >> 8 == 0xde).then_some(i32::from(instruction & 0xff))
    }
}

/// Makes the exception return to a landing pad and answers with its r9. If the fault is none of a
/// module's, answers 0.
unsafe extern "C" fn take_fault(frame: *mut u32, instance: *mut Instance) -> *mut Instance {
    unsafe {
        let Some(trap) = trap_of(frame) else { return core::ptr::null_mut() };
        let (pad, next) = unwind(trap, instance, *frame.add(FRAME_PC));
        if pad == 0 {
            return core::ptr::null_mut();
        }
        *frame.add(FRAME_PC) = pad & !1;
        *frame.add(FRAME_XPSR) &= !XPSR_ICI_IT;
        CFSR.write_volatile(CFSR_UNDEFINSTR);
        HFSR.write_volatile(HFSR_FORCED);
        next
    }
}

/// Returns zero from the innermost entry of the instance in r9: pops its record and what it saved.
#[unsafe(naked)]
unsafe extern "C" fn landing_pad() {
    naked_asm!(
        "ldr ip, [r9, #16]",
        "mov sp, ip",
        "pop {{ip, lr}}",
        "str ip, [lr, #16]",
        "movs r0, #0",
        "movs r1, #0",
        "pop {{r4-r11, pc}}",
    )
}

/// The same if entries save d8 to d15, also in a program that is compiled without a floating-point unit.
#[unsafe(naked)]
unsafe extern "C" fn landing_pad_fp() {
    naked_asm!(
        "ldr ip, [r9, #16]",
        "mov sp, ip",
        "pop {{ip, lr}}",
        "str ip, [lr, #16]",
        "movs r0, #0",
        "movs r1, #0",
        ".inst.w 0xecbd8b10", // vpop {d8-d15}
        ".inst.w 0xec410b10", // vmov d0, r0, r1
        ".inst.w 0xec410b11", // vmov d1, r0, r1
        ".inst.w 0xec410b12", // vmov d2, r0, r1
        ".inst.w 0xec410b13", // vmov d3, r0, r1
        "pop {{r4-r11, pc}}",
    )
}

/// The fault handler. Not to be called: lr, sp and r4 to r11 are as the exception left them.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn windlass_fault_handler() {
    naked_asm!(
        "tst lr, #4", // EXC_RETURN: on which stack?
        "ite eq",
        "mrseq r0, msp",
        "mrsne r0, psp",
        "mov r1, r9",
        "push {{r0, lr}}",
        "bl {take_fault}",
        "cbz r0, 1f",
        "mov r9, r0",
        "pop {{r0, pc}}",
        "1:",
        "pop {{r0, lr}}",
        "mov r1, lr",
        "b {unhandled}",
        take_fault = sym take_fault,
        unhandled = sym windlass_unhandled_fault,
    )
}

/// Defines the vectors of UsageFault and HardFault as cortex-m-rt names them.
#[allow(unused_macros)]
macro_rules! fault_vectors {
    () => {
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn UsageFault() {
            core::arch::naked_asm!("b windlass_fault_handler")
        }

        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn HardFault() {
            core::arch::naked_asm!("b windlass_fault_handler")
        }
    };
}
#[allow(unused_imports)]
pub(crate) use fault_vectors;
