//! Thumb-2 instructions, over virtual registers before allocation and physical ones after.
//!
//! Lowering builds three-address 32-bit forms with `s: false` unless it wants the flags. After
//! allocation `narrow` sets `s` where the flags are dead and a 16-bit form then exists;
//! `encode` always picks the shortest encoding that does exactly what the instruction says.
//!
//! Invariant: flags are written and read within one basic block, and only an instruction with
//! `s: true`, a `Cmp` or a call writes them.

pub mod args;
pub mod emit;
pub mod encode;
pub mod encode16;
pub mod encode32;
pub mod encode_fp;
pub mod fixup;
mod fp;
pub mod imms;
mod operands;
pub mod print;
pub mod unwind;

use args::*;
use regalloc2::PRegSet;
use windlass_backend::Trap;
use windlass_backend::compiled::RelocTarget;
use windlass_backend::emit::buffer::MachLabel;
use windlass_backend::reg::{Reg, Writable};

pub type WritableReg = Writable<Reg>;

#[derive(Clone, Debug)]
pub enum Inst {
    // --- Data processing -------------------------------------------------------------------
    /// `op{s} rd, rn, op2`.
    Alu {
        op: AluOp,
        s: bool,
        rd: WritableReg,
        rn: Reg,
        op2: Operand2,
    },
    /// `mov{s}` or `mvn{s} rd, op2`; a shift by a constant is a `mov` of a shifted register.
    Mov {
        op: MovOp,
        s: bool,
        rd: WritableReg,
        op2: Operand2,
    },
    /// `lsl/lsr/asr/ror{s} rd, rn, rm`: by the low byte of a register.
    ShiftReg {
        op: ShiftOp,
        s: bool,
        rd: WritableReg,
        rn: Reg,
        rm: Reg,
    },
    /// Any 32-bit constant, by the shortest of mov, mvn, movw, movw + movt and a literal.
    LoadConst {
        rd: WritableReg,
        value: u32,
    },
    /// The address of a symbol plus `offset`, by movw + movt with relocations.
    LoadSymbol {
        rd: WritableReg,
        target: RelocTarget,
    },
    /// `cmp/cmn/tst/teq rn, op2`.
    Cmp {
        op: CmpOp,
        rn: Reg,
        op2: Operand2,
    },
    /// `it cond; cmp<cond> rn, op2`: the flags stay as they are if the condition fails.
    CondCmp {
        cond: Cond,
        op: CmpOp,
        rn: Reg,
        op2: Operand2,
    },
    /// `mul{s} rd, rn, rm`; with flags only the 16-bit form exists, so `rd` is then `rn` or `rm`.
    Mul {
        s: bool,
        rd: WritableReg,
        rn: Reg,
        rm: Reg,
    },
    /// `mla/mls rd, rn, rm, ra`: ra plus or minus rn * rm.
    MulAcc {
        op: MulAccOp,
        rd: WritableReg,
        rn: Reg,
        rm: Reg,
        ra: Reg,
    },
    /// `umull/smull rd_lo, rd_hi, rn, rm`.
    MulLong {
        signed: bool,
        rd_lo: WritableReg,
        rd_hi: WritableReg,
        rn: Reg,
        rm: Reg,
    },
    /// `umlal/smlal`: adds to the 64-bit value in `ra_lo:ra_hi`, whose registers are reused.
    MulLongAcc {
        signed: bool,
        rd_lo: WritableReg,
        rd_hi: WritableReg,
        rn: Reg,
        rm: Reg,
        ra_lo: Reg,
        ra_hi: Reg,
    },
    /// `sdiv/udiv rd, rn, rm`: 0 for division by zero, so checks come first.
    Div {
        signed: bool,
        rd: WritableReg,
        rn: Reg,
        rm: Reg,
    },
    /// `ubfx/sbfx rd, rn, #lsb, #width`.
    BitExtract {
        signed: bool,
        rd: WritableReg,
        rn: Reg,
        lsb: u8,
        width: u8,
    },
    /// `bfi rd, rn, #lsb, #width` into the value of `ra`, whose register is reused; `bfc` if `rn`
    /// is None.
    BitInsert {
        rd: WritableReg,
        ra: Reg,
        rn: Option<Reg>,
        lsb: u8,
        width: u8,
    },
    /// One-operand operations and extensions.
    Unary {
        op: UnaryOp,
        rd: WritableReg,
        rm: Reg,
    },
    /// `uxtab/uxtah/sxtab/sxtah rd, rn, rm` (DSP extension).
    ExtendAdd {
        op: ExtendOp,
        rd: WritableReg,
        rn: Reg,
        rm: Reg,
    },

    // --- Conditional values: IT blocks after allocation ------------------------------------
    /// `rd = cond ? op2 : if_not`; `rd` reuses the register of `if_not`.
    CondMov {
        cond: Cond,
        op: MovOp,
        rd: WritableReg,
        op2: Operand2,
        if_not: Reg,
    },
    /// `rd = cond ? rn op op2 : if_not`; `rd` reuses the register of `if_not`.
    CondAlu {
        cond: Cond,
        op: AluOp,
        rd: WritableReg,
        rn: Reg,
        op2: Operand2,
        if_not: Reg,
    },
    /// `rd = cond ? 1 : 0`.
    CondSet {
        cond: Cond,
        rd: WritableReg,
    },

    // --- Memory ----------------------------------------------------------------------------
    /// `ldr{b,h,sb,sh} rt, [..]`. Words and halves may be unaligned.
    Load {
        op: LoadOp,
        rt: WritableReg,
        addr: AMode,
    },
    Store {
        op: StoreOp,
        rt: Reg,
        addr: AMode,
    },
    /// `ldrd/strd`: word-aligned addresses only.
    LoadPair {
        rt: WritableReg,
        rt2: WritableReg,
        addr: AMode,
    },
    StorePair {
        rt: Reg,
        rt2: Reg,
        addr: AMode,
    },
    /// `rd = ` the address itself.
    LoadAddr {
        rd: WritableReg,
        addr: AMode,
    },

    // --- Floating point ----------------------------------------------------------------------
    // In a d register a single-precision operand is the even s register, the low half.
    /// `vadd/vsub/vmul/vdiv/vminnm/vmaxnm.f rd, rn, rm`.
    FpAlu {
        op: FpAluOp,
        size: FpSize,
        rd: WritableReg,
        rn: Reg,
        rm: Reg,
    },
    /// `vabs/vneg/vsqrt/vrint{p,m,z,n}.f rd, rm`.
    FpUnary {
        op: FpUnaryOp,
        size: FpSize,
        rd: WritableReg,
        rm: Reg,
    },
    /// `vcmp.f rn, rm` (with +0 if None) and the flags moved to where conditions read them. False
    /// for NaN are eq, gt, ge, mi (less) and ls (less or equal); true are ne, hi, hs, lt, le and pl;
    /// vs tells it apart.
    FpCmp {
        size: FpSize,
        rn: Reg,
        rm: Option<Reg>,
    },
    /// `vmov.f rd, rm`.
    FpMov {
        size: FpSize,
        rd: WritableReg,
        rm: Reg,
    },
    /// `vmov.f rd, #imm`, in the form that [`imms::fp_imm8`] gives.
    FpImm {
        size: FpSize,
        rd: WritableReg,
        imm8: u8,
    },
    /// `vmov sd, rt`: the bits of a core register.
    CoreToFp {
        rd: WritableReg,
        rt: Reg,
    },
    /// `vmov rt, sn`.
    FpToCore {
        rt: WritableReg,
        rn: Reg,
    },
    /// `vmov dd, rt, rt2`: the low word from `rt`.
    CorePairToFp {
        rd: WritableReg,
        rt: Reg,
        rt2: Reg,
    },
    /// `vmov rt, rt2, dn`.
    FpToCorePair {
        rt: WritableReg,
        rt2: WritableReg,
        rn: Reg,
    },
    /// `vcvt.{s32,u32}.f sd, rm`: towards zero and saturating, 0 for NaN; the integer is in a float
    /// register.
    FpToInt {
        signed: bool,
        size: FpSize,
        rd: WritableReg,
        rm: Reg,
    },
    /// `vcvt.f.{s32,u32} rd, sm`: the integer is in a float register.
    IntToFp {
        signed: bool,
        size: FpSize,
        rd: WritableReg,
        rm: Reg,
    },
    /// `vcvt.f64.f32 dd, sm` or `vcvt.f32.f64 sd, dm`.
    FpConvert {
        to: FpSize,
        rd: WritableReg,
        rm: Reg,
    },
    /// `rd = cond ? rm : if_not`; `rd` reuses the register of `if_not`. An IT block after
    /// allocation.
    CondFpMov {
        cond: Cond,
        size: FpSize,
        rd: WritableReg,
        rm: Reg,
        if_not: Reg,
    },
    /// `vsel<cond>.f rd, rn, rm`: `cond ? rn : rm` for eq, vs, ge and gt (FPv5).
    FpSelect {
        cond: Cond,
        size: FpSize,
        rd: WritableReg,
        rn: Reg,
        rm: Reg,
    },
    /// `vldr rt, [..]`: word-aligned addresses only.
    FpLoad {
        size: FpSize,
        rt: WritableReg,
        addr: AMode,
    },
    /// `vstr rt, [..]`: word-aligned addresses only.
    FpStore {
        size: FpSize,
        rt: Reg,
        addr: AMode,
    },

    // --- Frame, after allocation -----------------------------------------------------------
    /// `push/stmdb sp!` and `pop/ldmia sp!`, of registers by number.
    Push {
        regs: RegList,
    },
    Pop {
        regs: RegList,
    },
    /// `vpush/vpop` of d registers.
    VPush {
        regs: DRegRange,
    },
    VPop {
        regs: DRegRange,
    },
    /// `sp += bytes`, a multiple of 4.
    AdjustSp {
        bytes: i32,
    },

    // --- Made after allocation by expansion -------------------------------------------------
    /// `it{x{y{z}}} cond`: the next one to four instructions are [`Inst::Predicated`].
    It {
        cond: Cond,
        pattern: ItPattern,
    },
    /// An instruction under the preceding `It`: done if `cond` holds. 16-bit forms leave the flags
    /// alone there.
    Predicated {
        cond: Cond,
        inst: Box<Inst>,
    },
    /// `movw rd, #imm`.
    MovW {
        rd: WritableReg,
        imm: Imm16,
    },
    /// `movt rd, #imm`: the high half; the low half is that of `ra`, which is the same register.
    MovT {
        rd: WritableReg,
        ra: Reg,
        imm: Imm16,
    },
    /// The first half of an `FpCmp`: sets the flags of the FPSCR.
    VCmp {
        size: FpSize,
        rn: Reg,
        rm: Option<Reg>,
    },
    /// `vmrs apsr_nzcv, fpscr`.
    VMrsFlags,
    /// `ldr rt, =value` from the pool behind the function.
    LoadLiteral {
        rt: WritableReg,
        value: u32,
    },

    // --- Calls -----------------------------------------------------------------------------
    /// Function parameters as they arrive: fixed definitions, no code.
    Args {
        defs: Vec<(WritableReg, regalloc2::PReg)>,
    },
    /// `bl target`, or `blx` of the callee's address moved to ip.
    Call {
        info: Box<CallInfo>,
    },
    /// Results where the convention wants them; the epilogue and return follow.
    Ret {
        uses: Vec<(Reg, regalloc2::PReg)>,
    },
    /// The epilogue, then `b target`, or `bx` of the callee's address moved to ip.
    TailCall {
        info: Box<TailCallInfo>,
    },
    /// `bx lr`, after an epilogue that left lr in place (one that pops pc needs none).
    BxLr,

    // --- Control ---------------------------------------------------------------------------
    Jump {
        target: MachLabel,
    },
    CondBr {
        cond: Cond,
        taken: MachLabel,
        not_taken: MachLabel,
    },
    /// `cbz/cbnz rn`: formed after allocation from a comparison with zero.
    CmpBranchZero {
        nonzero: bool,
        rn: Reg,
        taken: MachLabel,
        not_taken: MachLabel,
    },
    /// `cmp index, #n; bhs default; tbb/tbh [pc, index]`.
    JumpTable {
        index: Reg,
        default: MachLabel,
        targets: Box<Vec<MachLabel>>,
    },
    /// `udf #code`, or the host's trap function.
    Udf {
        trap: Trap,
    },
    /// Branches to a trap at the function's end if the condition holds.
    TrapIf {
        cond: Cond,
        trap: Trap,
    },
    /// The same if a register is zero or is not; the flags may change.
    TrapIfZero {
        nonzero: bool,
        rn: Reg,
        trap: Trap,
    },
    /// `dmb sy`.
    Fence,
    /// `dsb sy`: goes on when every earlier access is done.
    Dsb,
    /// `isb sy`: what follows is fetched anew.
    Isb,
    /// `bkpt #imm8`: a request to a debugger.
    Bkpt {
        imm8: u8,
    },
    /// `nop`.
    Nop,
}

/// The immediate of movw and movt: 16 bits of a number, or the low (movw) or high (movt) half of a
/// symbol's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imm16 {
    Value(u16),
    Symbol(RelocTarget),
}

/// What a call needs to be emitted and allocated.
#[derive(Clone, Debug)]
pub struct CallInfo {
    pub callee: Callee,
    pub uses: Vec<(Reg, regalloc2::PReg)>,
    pub defs: Vec<(WritableReg, regalloc2::PReg)>,
    pub clobbers: PRegSet,
    /// Bytes of stack arguments that the callee pops (the internal convention), which the caller's
    /// frame takes back right after.
    pub callee_pops: u32,
}

/// A call in place of a return. Stack arguments are stored before it.
#[derive(Clone, Debug)]
pub struct TailCallInfo {
    pub callee: Callee,
    pub uses: Vec<(Reg, regalloc2::PReg)>,
    /// Bytes of the callee's stack arguments, which end where this function's own do.
    pub stack_bytes: u32,
}

#[derive(Clone, Debug)]
pub enum Callee {
    Direct(RelocTarget),
    /// A code address with the Thumb bit; `Any` operand.
    Indirect(Reg),
}
