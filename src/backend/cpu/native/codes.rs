//! Which instruction of which processor: the table behind the assembler.
//!
//! Flows in: a [`Machine`], what is to be done. Flows out: an instruction's code. Who should not use it: anyone but
//! `assemble` (and for [`Machine`] and [`Form`] those who use it).

use super::program::{Kind, Test};
use crate::kernel::Level;
use crate::real::Precision;
use iced_x86::Code;

/// For which processor and format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Machine {
    /// AVX-512; else AVX2 and FMA.
    pub(super) wide: bool,
    /// f64; else f32.
    pub(super) double: bool,
}

impl Machine {
    /// The processor at this level; `None` where there is no code for it.
    pub(super) fn of(precision: Precision, level: Level) -> Option<Machine> {
        let double = precision == Precision::F64;
        match level {
            Level::Baseline => None,
            Level::Avx2 => Some(Machine { wide: false, double }),
            Level::Avx512 => Some(Machine { wide: true, double }),
        }
    }

    /// Bytes of a vector.
    pub(super) fn bytes(self) -> usize {
        if self.wide { 64 } else { 32 }
    }

    /// Bytes of a number.
    pub(super) fn number(self) -> usize {
        if self.double { 8 } else { 4 }
    }

    /// Bytes of a constant of the code.
    pub(super) fn constant(self) -> usize {
        if self.wide { self.number() } else { self.bytes() }
    }

    /// Vector registers.
    pub(super) fn registers(self) -> usize {
        if self.wide { 32 } else { 16 }
    }

    /// Registers of both kinds, vectors first: AVX-512 has eight for conditions, which are vectors in AVX2.
    pub(super) fn all_registers(self) -> usize {
        if self.wide { 40 } else { 16 }
    }

    /// The registers that a result of this kind can be in. The first one for conditions means "all lanes" in most
    /// instructions.
    pub(super) fn registers_for(self, kind: Option<Kind>) -> std::ops::Range<usize> {
        if self.wide && kind.is_some_and(Kind::is_condition) { 33..40 } else { 0..self.registers() }
    }
}

/// Which operand of a fused product is overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// target = target * last + second.
    Factor132,
    /// target = second * target + last.
    Factor213,
    /// target = second * last + target.
    Addend231,
}

/// The code of an instruction by machine: AVX-512 f32, f64, AVX2 f32, f64.
macro_rules! by_machine {
    ($machine:expr, $wide32:ident, $wide64:ident, $narrow32:ident, $narrow64:ident) => {
        match ($machine.wide, $machine.double) {
            (true, false) => Code::$wide32,
            (true, true) => Code::$wide64,
            (false, false) => Code::$narrow32,
            (false, true) => Code::$narrow64,
        }
    };
}
pub(super) use by_machine;

/// Two operands and a target.
pub(super) fn binary(machine: Machine, kind: Kind) -> Code {
    match kind {
        Kind::Add => by_machine!(
            machine,
            EVEX_Vaddps_zmm_k1z_zmm_zmmm512b32_er,
            EVEX_Vaddpd_zmm_k1z_zmm_zmmm512b64_er,
            VEX_Vaddps_ymm_ymm_ymmm256,
            VEX_Vaddpd_ymm_ymm_ymmm256
        ),
        Kind::Subtract => by_machine!(
            machine,
            EVEX_Vsubps_zmm_k1z_zmm_zmmm512b32_er,
            EVEX_Vsubpd_zmm_k1z_zmm_zmmm512b64_er,
            VEX_Vsubps_ymm_ymm_ymmm256,
            VEX_Vsubpd_ymm_ymm_ymmm256
        ),
        Kind::Multiply => by_machine!(
            machine,
            EVEX_Vmulps_zmm_k1z_zmm_zmmm512b32_er,
            EVEX_Vmulpd_zmm_k1z_zmm_zmmm512b64_er,
            VEX_Vmulps_ymm_ymm_ymmm256,
            VEX_Vmulpd_ymm_ymm_ymmm256
        ),
        Kind::Divide => by_machine!(
            machine,
            EVEX_Vdivps_zmm_k1z_zmm_zmmm512b32_er,
            EVEX_Vdivpd_zmm_k1z_zmm_zmmm512b64_er,
            VEX_Vdivps_ymm_ymm_ymmm256,
            VEX_Vdivpd_ymm_ymm_ymmm256
        ),
        Kind::And => by_machine!(
            machine,
            EVEX_Vandps_zmm_k1z_zmm_zmmm512b32,
            EVEX_Vandpd_zmm_k1z_zmm_zmmm512b64,
            VEX_Vandps_ymm_ymm_ymmm256,
            VEX_Vandpd_ymm_ymm_ymmm256
        ),
        Kind::Or => by_machine!(
            machine,
            EVEX_Vorps_zmm_k1z_zmm_zmmm512b32,
            EVEX_Vorpd_zmm_k1z_zmm_zmmm512b64,
            VEX_Vorps_ymm_ymm_ymmm256,
            VEX_Vorpd_ymm_ymm_ymmm256
        ),
        Kind::Minimum => by_machine!(
            machine,
            EVEX_Vminps_zmm_k1z_zmm_zmmm512b32_sae,
            EVEX_Vminpd_zmm_k1z_zmm_zmmm512b64_sae,
            VEX_Vminps_ymm_ymm_ymmm256,
            VEX_Vminpd_ymm_ymm_ymmm256
        ),
        Kind::Maximum => by_machine!(
            machine,
            EVEX_Vmaxps_zmm_k1z_zmm_zmmm512b32_sae,
            EVEX_Vmaxpd_zmm_k1z_zmm_zmmm512b64_sae,
            VEX_Vmaxps_ymm_ymm_ymmm256,
            VEX_Vmaxpd_ymm_ymm_ymmm256
        ),
        Kind::IntegerAdd => by_machine!(
            machine,
            EVEX_Vpaddd_zmm_k1z_zmm_zmmm512b32,
            EVEX_Vpaddq_zmm_k1z_zmm_zmmm512b64,
            VEX_Vpaddd_ymm_ymm_ymmm256,
            VEX_Vpaddq_ymm_ymm_ymmm256
        ),
        Kind::IntegerMultiply => by_machine!(
            machine,
            EVEX_Vpmulld_zmm_k1z_zmm_zmmm512b32,
            EVEX_Vpmuludq_zmm_k1z_zmm_zmmm512b64,
            VEX_Vpmulld_ymm_ymm_ymmm256,
            VEX_Vpmuludq_ymm_ymm_ymmm256
        ),
        Kind::IntegerEqual => by_machine!(
            machine,
            EVEX_Vpcmpeqd_kr_k1_zmm_zmmm512b32,
            EVEX_Vpcmpeqq_kr_k1_zmm_zmmm512b64,
            VEX_Vpcmpeqd_ymm_ymm_ymmm256,
            VEX_Vpcmpeqq_ymm_ymm_ymmm256
        ),
        Kind::IntegerGreater => by_machine!(
            machine,
            EVEX_Vpcmpgtd_kr_k1_zmm_zmmm512b32,
            EVEX_Vpcmpgtq_kr_k1_zmm_zmmm512b64,
            VEX_Vpcmpgtd_ymm_ymm_ymmm256,
            VEX_Vpcmpgtq_ymm_ymm_ymmm256
        ),
        Kind::Scale => Code::EVEX_Vscalefps_zmm_k1z_zmm_zmmm512b32_er,
        Kind::LargerMagnitude => Code::EVEX_Vrangeps_zmm_k1z_zmm_zmmm512b32_imm8_sae,
        Kind::Compare(_) | Kind::CompareWhere(_) => by_machine!(
            machine,
            EVEX_Vcmpps_kr_k1_zmm_zmmm512b32_imm8_sae,
            EVEX_Vcmppd_kr_k1_zmm_zmmm512b64_imm8_sae,
            VEX_Vcmpps_ymm_ymm_ymmm256_imm8,
            VEX_Vcmppd_ymm_ymm_ymmm256_imm8
        ),
        Kind::Both => conditions(machine, Code::VEX_Kandw_kr_kr_kr, Kind::And),
        Kind::Either => conditions(machine, Code::VEX_Korw_kr_kr_kr, Kind::Or),
        Kind::OneOf => conditions(machine, Code::VEX_Kxorw_kr_kr_kr, Kind::Xor),
        // AVX2 turns all bits over.
        _ => by_machine!(
            machine,
            EVEX_Vxorps_zmm_k1z_zmm_zmmm512b32,
            EVEX_Vxorpd_zmm_k1z_zmm_zmmm512b64,
            VEX_Vxorps_ymm_ymm_ymmm256,
            VEX_Vxorpd_ymm_ymm_ymmm256
        ),
    }
}

/// Of conditions: AVX-512 has registers of their own for them, in AVX2 they are vectors.
fn conditions(machine: Machine, wide: Code, kind: Kind) -> Code {
    if machine.wide { wide } else { binary(machine, kind) }
}

/// To an integer.
pub(super) fn round(machine: Machine) -> Code {
    by_machine!(
        machine,
        EVEX_Vrndscaleps_zmm_k1z_zmmm512b32_imm8_sae,
        EVEX_Vrndscalepd_zmm_k1z_zmmm512b64_imm8_sae,
        VEX_Vroundps_ymm_ymmm256_imm8,
        VEX_Vroundpd_ymm_ymmm256_imm8
    )
}

pub(super) fn root(machine: Machine) -> Code {
    by_machine!(
        machine,
        EVEX_Vsqrtps_zmm_k1z_zmmm512b32_er,
        EVEX_Vsqrtpd_zmm_k1z_zmmm512b64_er,
        VEX_Vsqrtps_ymm_ymmm256,
        VEX_Vsqrtpd_ymm_ymmm256
    )
}

/// Bits moved by a count.
pub(super) fn shift(machine: Machine, left: bool) -> Code {
    if left {
        by_machine!(
            machine,
            EVEX_Vpslld_zmm_k1z_zmmm512b32_imm8,
            EVEX_Vpsllq_zmm_k1z_zmmm512b64_imm8,
            VEX_Vpslld_ymm_ymm_imm8,
            VEX_Vpsllq_ymm_ymm_imm8
        )
    } else {
        by_machine!(
            machine,
            EVEX_Vpsrld_zmm_k1z_zmmm512b32_imm8,
            EVEX_Vpsrlq_zmm_k1z_zmmm512b64_imm8,
            VEX_Vpsrld_ymm_ymm_imm8,
            VEX_Vpsrlq_ymm_ymm_imm8
        )
    }
}

/// A fused product, by what is overwritten.
pub(super) fn fused(machine: Machine, kind: Kind, form: Form) -> Code {
    match (kind, form) {
        (Kind::MultiplyAdd, Form::Factor132) => by_machine!(
            machine,
            EVEX_Vfmadd132ps_zmm_k1z_zmm_zmmm512b32_er,
            EVEX_Vfmadd132pd_zmm_k1z_zmm_zmmm512b64_er,
            VEX_Vfmadd132ps_ymm_ymm_ymmm256,
            VEX_Vfmadd132pd_ymm_ymm_ymmm256
        ),
        (Kind::MultiplyAdd, Form::Factor213) => by_machine!(
            machine,
            EVEX_Vfmadd213ps_zmm_k1z_zmm_zmmm512b32_er,
            EVEX_Vfmadd213pd_zmm_k1z_zmm_zmmm512b64_er,
            VEX_Vfmadd213ps_ymm_ymm_ymmm256,
            VEX_Vfmadd213pd_ymm_ymm_ymmm256
        ),
        (Kind::MultiplyAdd, Form::Addend231) => by_machine!(
            machine,
            EVEX_Vfmadd231ps_zmm_k1z_zmm_zmmm512b32_er,
            EVEX_Vfmadd231pd_zmm_k1z_zmm_zmmm512b64_er,
            VEX_Vfmadd231ps_ymm_ymm_ymmm256,
            VEX_Vfmadd231pd_ymm_ymm_ymmm256
        ),
        (Kind::MultiplySubtract, Form::Factor132) => by_machine!(
            machine,
            EVEX_Vfmsub132ps_zmm_k1z_zmm_zmmm512b32_er,
            EVEX_Vfmsub132pd_zmm_k1z_zmm_zmmm512b64_er,
            VEX_Vfmsub132ps_ymm_ymm_ymmm256,
            VEX_Vfmsub132pd_ymm_ymm_ymmm256
        ),
        (Kind::MultiplySubtract, Form::Factor213) => by_machine!(
            machine,
            EVEX_Vfmsub213ps_zmm_k1z_zmm_zmmm512b32_er,
            EVEX_Vfmsub213pd_zmm_k1z_zmm_zmmm512b64_er,
            VEX_Vfmsub213ps_ymm_ymm_ymmm256,
            VEX_Vfmsub213pd_ymm_ymm_ymmm256
        ),
        (Kind::MultiplySubtract, Form::Addend231) => by_machine!(
            machine,
            EVEX_Vfmsub231ps_zmm_k1z_zmm_zmmm512b32_er,
            EVEX_Vfmsub231pd_zmm_k1z_zmm_zmmm512b64_er,
            VEX_Vfmsub231ps_ymm_ymm_ymmm256,
            VEX_Vfmsub231pd_ymm_ymm_ymmm256
        ),
        (Kind::NegatedMultiplySubtract, Form::Factor132) => by_machine!(
            machine,
            EVEX_Vfnmsub132ps_zmm_k1z_zmm_zmmm512b32_er,
            EVEX_Vfnmsub132pd_zmm_k1z_zmm_zmmm512b64_er,
            VEX_Vfnmsub132ps_ymm_ymm_ymmm256,
            VEX_Vfnmsub132pd_ymm_ymm_ymmm256
        ),
        (Kind::NegatedMultiplySubtract, Form::Factor213) => by_machine!(
            machine,
            EVEX_Vfnmsub213ps_zmm_k1z_zmm_zmmm512b32_er,
            EVEX_Vfnmsub213pd_zmm_k1z_zmm_zmmm512b64_er,
            VEX_Vfnmsub213ps_ymm_ymm_ymmm256,
            VEX_Vfnmsub213pd_ymm_ymm_ymmm256
        ),
        (Kind::NegatedMultiplySubtract, Form::Addend231) => by_machine!(
            machine,
            EVEX_Vfnmsub231ps_zmm_k1z_zmm_zmmm512b32_er,
            EVEX_Vfnmsub231pd_zmm_k1z_zmm_zmmm512b64_er,
            VEX_Vfnmsub231ps_ymm_ymm_ymmm256,
            VEX_Vfnmsub231pd_ymm_ymm_ymmm256
        ),
        (_, Form::Factor132) => by_machine!(
            machine,
            EVEX_Vfnmadd132ps_zmm_k1z_zmm_zmmm512b32_er,
            EVEX_Vfnmadd132pd_zmm_k1z_zmm_zmmm512b64_er,
            VEX_Vfnmadd132ps_ymm_ymm_ymmm256,
            VEX_Vfnmadd132pd_ymm_ymm_ymmm256
        ),
        (_, Form::Factor213) => by_machine!(
            machine,
            EVEX_Vfnmadd213ps_zmm_k1z_zmm_zmmm512b32_er,
            EVEX_Vfnmadd213pd_zmm_k1z_zmm_zmmm512b64_er,
            VEX_Vfnmadd213ps_ymm_ymm_ymmm256,
            VEX_Vfnmadd213pd_ymm_ymm_ymmm256
        ),
        (_, Form::Addend231) => by_machine!(
            machine,
            EVEX_Vfnmadd231ps_zmm_k1z_zmm_zmmm512b32_er,
            EVEX_Vfnmadd231pd_zmm_k1z_zmm_zmmm512b64_er,
            VEX_Vfnmadd231ps_ymm_ymm_ymmm256,
            VEX_Vfnmadd231pd_ymm_ymm_ymmm256
        ),
    }
}

/// The processor's number of a comparison. None of them signals a NaN.
pub(super) fn predicate(test: Test) -> u32 {
    match test {
        Test::Equal => 0x00,
        Test::Unordered => 0x03,
        Test::Unequal => 0x04,
        Test::Less => 0x11,
        Test::LessOrEqual => 0x12,
        Test::NotLess => 0x15,
        Test::NotLessOrEqual => 0x16,
        Test::Ordered => 0x07,
    }
}
