//! Which instruction of which processor: the table behind the assembler.
//!
//! Flows in: a [`Machine`], what is to be done. Flows out: an instruction's code. Who should not use it: anyone but
//! `assemble`.

use super::assemble::Form;
use super::lower::{Kind, Test};
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
    /// Bytes of a vector.
    pub(super) fn bytes(self) -> usize {
        if self.wide { 64 } else { 32 }
    }

    /// Bytes of a number.
    pub(super) fn number(self) -> usize {
        if self.double { 8 } else { 4 }
    }

    /// Vector registers.
    pub(super) fn registers(self) -> usize {
        if self.wide { 32 } else { 16 }
    }
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
        _ => by_machine!(
            machine,
            EVEX_Vxorps_zmm_k1z_zmm_zmmm512b32,
            EVEX_Vxorpd_zmm_k1z_zmm_zmmm512b64,
            VEX_Vxorps_ymm_ymm_ymmm256,
            VEX_Vxorpd_ymm_ymm_ymmm256
        ),
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

/// The processor's number of a comparison. Quiet and false for NaN, but for `Unequal` and `Unordered`.
pub(super) fn predicate(test: Test) -> u32 {
    match test {
        Test::Equal => 0x00,
        Test::Unordered => 0x03,
        Test::Unequal => 0x04,
        Test::Less => 0x11,
        Test::LessOrEqual => 0x12,
        Test::GreaterOrEqual => 0x1d,
        Test::Greater => 0x1e,
    }
}
