//! Single instructions as bytes: AVX2 with FMA, or AVX-512; f32 or f64.
//!
//! Flows in: an operation with registers and addresses. Flows out: machine code. The assembler is the crate
//! iced-x86: it knows all of AVX-512 with its broadcasts, is released since 2019 and much used, and is built in seconds as
//! we take its encoder alone. The other choice, dynasmrt, has every extension but AVX-512, and is a procedural macro.
//!
//! Who should not use it: anyone but `registers`, `emit` and `frame`.

use super::codes::{self, Form, Machine, by_machine};
use super::program::{Kind, Mantissa};
use iced_x86::{Code, Encoder, IcedError, Instruction, MemoryOperand, Register};

/// Where something in memory is found: a pointer that the function is given, or one of a table of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    State,
    Next,
    Spill,
    Rows,
    Constants,
    /// A column that is read, from the place of the loop on.
    Stream(usize),
    /// A column that is written, from there on.
    Result(usize),
}

impl Base {
    /// The argument that holds the pointer, or the table of pointers.
    fn register(self) -> Register {
        match self {
            Base::State | Base::Stream(_) => Register::RDI,
            Base::Next | Base::Result(_) => Register::RSI,
            Base::Spill => Register::RDX,
            Base::Rows => Register::RCX,
            Base::Constants => Register::R8,
        }
    }
}

/// The argument that counts the steps, or says from which byte to which.
const COUNT: Register = Register::R9;
/// The place of the loop along the columns, in bytes.
const PLACE: Register = Register::RAX;
/// A pointer out of a table.
const POINTER: Register = Register::R10;

/// A place in memory: bytes from a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) base: Base,
    pub(super) offset: usize,
}

/// The last operand of an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Register(usize),
    /// A vector in memory.
    Vector(Address),
    /// A number in memory, for all lanes; AVX-512 only.
    Number(Address),
}

/// Machine code under construction.
pub(super) struct Assembler {
    pub(super) machine: Machine,
    encoder: Encoder,
    length: u64,
}

type Done = Result<(), IcedError>;

impl Assembler {
    pub(super) fn new(machine: Machine) -> Assembler {
        Assembler { machine, encoder: Encoder::new(64), length: 0 }
    }

    /// The bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.encoder.take_buffer()
    }

    /// Bytes so far: a place to jump to.
    pub(super) fn here(&self) -> u64 {
        self.length
    }

    fn push(&mut self, instruction: &Instruction) -> Done {
        self.length += self.encoder.encode(instruction, self.length)? as u64;
        Ok(())
    }

    /// A register by its number: vectors, then (in AVX-512) those for conditions.
    fn register(&self, number: usize) -> Register {
        let (wide, number) = (self.machine.wide, number as u32);
        match number.checked_sub(32) {
            Some(condition) if wide => Register::K0 + condition,
            _ if wide => Register::ZMM0 + number,
            _ => Register::YMM0 + number,
        }
    }

    fn is_condition(&self, number: usize) -> bool {
        number >= self.machine.registers()
    }

    /// An operand in memory; fetches its pointer if that is in a table.
    fn memory(&mut self, address: Address, broadcast: bool) -> Result<MemoryOperand, IcedError> {
        let (base, index) = match address.base {
            Base::Stream(k) | Base::Result(k) => {
                let entry = MemoryOperand::with_base_displ(address.base.register(), 8 * k as i64);
                self.push(&Instruction::with2(Code::Mov_r64_rm64, POINTER, entry)?)?;
                (POINTER, PLACE)
            }
            other => (other.register(), Register::None),
        };
        Ok(MemoryOperand::new(base, index, 1, address.offset as i64, 8, broadcast, Register::None))
    }

    /// target = what is there.
    pub(super) fn load(&mut self, target: usize, from: Address) -> Done {
        let code = by_machine!(
            self.machine,
            EVEX_Vmovups_zmm_k1z_zmmm512,
            EVEX_Vmovupd_zmm_k1z_zmmm512,
            VEX_Vmovups_ymm_ymmm256,
            VEX_Vmovupd_ymm_ymmm256
        );
        let code = if self.is_condition(target) { Code::VEX_Kmovw_kr_km16 } else { code };
        let from = self.memory(from, false)?;
        self.push(&Instruction::with2(code, self.register(target), from)?)
    }

    /// What is there = register.
    pub(super) fn store(&mut self, to: Address, register: usize) -> Done {
        let code = by_machine!(
            self.machine,
            EVEX_Vmovups_zmmm512_k1z_zmm,
            EVEX_Vmovupd_zmmm512_k1z_zmm,
            VEX_Vmovups_ymmm256_ymm,
            VEX_Vmovupd_ymmm256_ymm
        );
        let code = if self.is_condition(register) { Code::VEX_Kmovw_m16_kr } else { code };
        let to = self.memory(to, false)?;
        self.push(&Instruction::with2(code, to, self.register(register))?)
    }

    /// The same past the caches, to the border of a vector.
    pub(super) fn stream(&mut self, to: Address, register: usize) -> Done {
        let code = by_machine!(
            self.machine,
            EVEX_Vmovntps_m512_zmm,
            EVEX_Vmovntpd_m512_zmm,
            VEX_Vmovntps_m256_ymm,
            VEX_Vmovntpd_m256_ymm
        );
        let to = self.memory(to, false)?;
        self.push(&Instruction::with2(code, to, self.register(register))?)
    }

    /// All lanes of target = the number there.
    pub(super) fn broadcast(&mut self, target: usize, from: Address) -> Done {
        let code = by_machine!(
            self.machine,
            EVEX_Vbroadcastss_zmm_k1z_xmmm32,
            EVEX_Vbroadcastsd_zmm_k1z_xmmm64,
            VEX_Vbroadcastss_ymm_m32,
            VEX_Vbroadcastsd_ymm_m64
        );
        let from = self.memory(from, false)?;
        self.push(&Instruction::with2(code, self.register(target), from)?)
    }

    pub(super) fn copy(&mut self, target: usize, from: usize) -> Done {
        let code = by_machine!(
            self.machine,
            EVEX_Vmovaps_zmm_k1z_zmmm512,
            EVEX_Vmovapd_zmm_k1z_zmmm512,
            VEX_Vmovaps_ymm_ymmm256,
            VEX_Vmovapd_ymm_ymmm256
        );
        self.push(&Instruction::with2(code, self.register(target), self.register(from))?)
    }

    /// target = left op right.
    pub(super) fn binary(&mut self, kind: Kind, target: usize, left: usize, right: Source) -> Done {
        self.binary_where(kind, target, left, right, None)
    }

    /// The same; a condition holds only where `further` does.
    pub(super) fn binary_where(
        &mut self,
        kind: Kind,
        target: usize,
        left: usize,
        right: Source,
        further: Option<usize>,
    ) -> Done {
        let number = match kind {
            Kind::Compare(test) | Kind::CompareWhere(test) => codes::predicate(test),
            // The larger magnitude, with the sign of the left one.
            Kind::LargerMagnitude => 3,
            _ => {
                let instruction = self.three(codes::binary(self.machine, kind), target, left, right)?;
                return self.push(&instruction);
            }
        };
        let (code, target, left) = (codes::binary(self.machine, kind), self.register(target), self.register(left));
        let mut instruction = match self.last(right)? {
            Last::Register(right) => Instruction::with4(code, target, left, right, number)?,
            Last::Memory(right) => Instruction::with4(code, target, left, right, number)?,
        };
        if let Some(further) = further {
            instruction.set_op_mask(self.register(further));
        }
        self.push(&instruction)
    }

    /// target = op(of).
    pub(super) fn unary(&mut self, kind: Kind, target: usize, of: Source) -> Done {
        let target = self.register(target);
        let (code, number) = match kind {
            // Bit 3: an inexact result is no exception.
            Kind::Round(mode) => (codes::round(self.machine), Some(mode | 8)),
            Kind::ShiftLeft(by) => (codes::shift(self.machine, true), Some(by)),
            Kind::ShiftRight(by) => (codes::shift(self.machine, false), Some(by)),
            Kind::SquareRoot => (codes::root(self.machine), None),
            // Bits 0 and 1: the interval; 2 and 3: what becomes of the sign.
            Kind::Mantissa(which) => {
                let number = match which {
                    Mantissa::Whole => 0b0000,
                    Mantissa::Square => 0b1001,
                    Mantissa::SquareMagnitude => 0b0101,
                };
                (Code::EVEX_Vgetmantps_zmm_k1z_zmmm512b32_imm8_sae, Some(number))
            }
            Kind::Exponent => (Code::EVEX_Vgetexpps_zmm_k1z_zmmm512b32_sae, None),
            Kind::Reciprocal => (Code::EVEX_Vrcp14ps_zmm_k1z_zmmm512b32, None),
            Kind::ReciprocalRoot => (Code::EVEX_Vrsqrt14ps_zmm_k1z_zmmm512b32, None),
            _ => (Code::VEX_Knotw_kr_kr, None),
        };
        let instruction = match (self.last(of)?, number) {
            (Last::Register(of), None) => Instruction::with2(code, target, of)?,
            (Last::Memory(of), None) => Instruction::with2(code, target, of)?,
            (Last::Register(of), Some(number)) => Instruction::with3(code, target, of, number)?,
            (Last::Memory(of), Some(number)) => Instruction::with3(code, target, of, number)?,
        };
        self.push(&instruction)
    }

    /// A fused product, as its form says.
    pub(super) fn fused(&mut self, kind: Kind, form: Form, target: usize, second: usize, last: Source) -> Done {
        let instruction = self.three(codes::fused(self.machine, kind, form), target, second, last)?;
        self.push(&instruction)
    }

    /// target = yes where the condition holds, else no.
    pub(super) fn choose(&mut self, target: usize, condition: usize, no: usize, yes: Source) -> Done {
        let code = by_machine!(
            self.machine,
            EVEX_Vblendmps_zmm_k1z_zmm_zmmm512b32,
            EVEX_Vblendmpd_zmm_k1z_zmm_zmmm512b64,
            VEX_Vblendvps_ymm_ymm_ymmm256_ymm,
            VEX_Vblendvpd_ymm_ymm_ymmm256_ymm
        );
        if self.machine.wide {
            let mut instruction = self.three(code, target, no, yes)?;
            instruction.set_op_mask(self.register(condition));
            return self.push(&instruction);
        }
        let (target, no, condition) = (self.register(target), self.register(no), self.register(condition));
        let instruction = match self.last(yes)? {
            Last::Register(yes) => Instruction::with4(code, target, no, yes, condition)?,
            Last::Memory(yes) => Instruction::with4(code, target, no, yes, condition)?,
        };
        self.push(&instruction)
    }

    /// Takes the next step's numbers; with `swap`, the next state becomes the state.
    pub(super) fn next_step(&mut self, swap: bool) -> Done {
        let number = self.machine.number() as i32;
        self.push(&Instruction::with2(Code::Add_rm64_imm8, Base::Rows.register(), number)?)?;
        if swap {
            let (state, next) = (Base::State.register(), Base::Next.register());
            self.push(&Instruction::with2(Code::Xchg_rm64_r64, state, next)?)?;
        }
        Ok(())
    }

    /// Goes back to `top` until all steps are done.
    pub(super) fn repeat(&mut self, top: u64) -> Done {
        self.push(&Instruction::with1(Code::Dec_rm64, COUNT)?)?;
        self.push(&Instruction::with_branch(Code::Jne_rel32_64, top)?)
    }

    /// The first place along the columns, and the end.
    pub(super) fn begin_row(&mut self) -> Done {
        let bounds = |offset| MemoryOperand::with_base_displ(COUNT, offset);
        self.push(&Instruction::with2(Code::Mov_r64_rm64, PLACE, bounds(0))?)?;
        self.push(&Instruction::with2(Code::Mov_r64_rm64, COUNT, bounds(8))?)
    }

    /// Goes back to `top` until the row is done.
    pub(super) fn repeat_row(&mut self, top: u64, bytes: usize) -> Done {
        self.push(&Instruction::with2(Code::Add_rm64_imm32, PLACE, bytes as i32)?)?;
        self.push(&Instruction::with2(Code::Cmp_rm64_r64, PLACE, COUNT)?)?;
        self.push(&Instruction::with_branch(Code::Jb_rel32_64, top)?)
    }

    pub(super) fn leave(&mut self) -> Done {
        self.push(&Instruction::with(Code::VEX_Vzeroupper))?;
        self.push(&Instruction::with(Code::Retnq))
    }

    fn three(&mut self, code: Code, target: usize, second: usize, last: Source) -> Result<Instruction, IcedError> {
        let (target, second) = (self.register(target), self.register(second));
        match self.last(last)? {
            Last::Register(last) => Instruction::with3(code, target, second, last),
            Last::Memory(last) => Instruction::with3(code, target, second, last),
        }
    }

    fn last(&mut self, source: Source) -> Result<Last, IcedError> {
        Ok(match source {
            Source::Register(r) => Last::Register(self.register(r)),
            Source::Vector(at) => Last::Memory(self.memory(at, false)?),
            Source::Number(at) => Last::Memory(self.memory(at, true)?),
        })
    }
}

/// The last operand as the encoder takes it.
enum Last {
    Register(Register),
    Memory(MemoryOperand),
}
