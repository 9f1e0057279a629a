//! Single instructions as bytes: AVX2 with FMA, or AVX-512; f32 or f64.
//!
//! Flows in: an operation with registers and addresses. Flows out: machine code. The assembler is the crate
//! iced-x86: it knows all of AVX-512 with its broadcasts, is released since 2019 and much used, and is built in seconds as
//! we take its encoder alone. The other choice, dynasmrt, has every extension but AVX-512, and is a procedural macro.
//!
//! Who should not use it: anyone but `step` and `registers`.

use super::codes::{self, Machine, by_machine};
use super::lower::{Kind, Test};
use iced_x86::{Code, Encoder, IcedError, Instruction, MemoryOperand, Register};

/// The pointers that the function is given, in the order of its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    State,
    Next,
    Spill,
    Rows,
    Constants,
}

impl Base {
    fn register(self) -> Register {
        match self {
            Base::State => Register::RDI,
            Base::Next => Register::RSI,
            Base::Spill => Register::RDX,
            Base::Rows => Register::RCX,
            Base::Constants => Register::R8,
        }
    }
}

/// The argument that counts the steps.
const COUNT: Register = Register::R9;

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

    fn vector(&self, register: usize) -> Register {
        let first = if self.machine.wide { Register::ZMM0 } else { Register::YMM0 };
        first + register as u32
    }

    fn memory(address: Address, broadcast: bool) -> MemoryOperand {
        MemoryOperand::new(
            address.base.register(),
            Register::None,
            1,
            address.offset as i64,
            1,
            broadcast,
            Register::None,
        )
    }

    /// target = the vector there.
    pub(super) fn load(&mut self, target: usize, from: Address) -> Done {
        let code = by_machine!(
            self.machine,
            EVEX_Vmovups_zmm_k1z_zmmm512,
            EVEX_Vmovupd_zmm_k1z_zmmm512,
            VEX_Vmovups_ymm_ymmm256,
            VEX_Vmovupd_ymm_ymmm256
        );
        self.push(&Instruction::with2(code, self.vector(target), Self::memory(from, false))?)
    }

    /// The vector there = register.
    pub(super) fn store(&mut self, to: Address, register: usize) -> Done {
        let code = by_machine!(
            self.machine,
            EVEX_Vmovups_zmmm512_k1z_zmm,
            EVEX_Vmovupd_zmmm512_k1z_zmm,
            VEX_Vmovups_ymmm256_ymm,
            VEX_Vmovupd_ymmm256_ymm
        );
        self.push(&Instruction::with2(code, Self::memory(to, false), self.vector(register))?)
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
        self.push(&Instruction::with2(code, self.vector(target), Self::memory(from, false))?)
    }

    pub(super) fn copy(&mut self, target: usize, from: usize) -> Done {
        let code = by_machine!(
            self.machine,
            EVEX_Vmovaps_zmm_k1z_zmmm512,
            EVEX_Vmovapd_zmm_k1z_zmmm512,
            VEX_Vmovaps_ymm_ymmm256,
            VEX_Vmovapd_ymm_ymmm256
        );
        self.push(&Instruction::with2(code, self.vector(target), self.vector(from))?)
    }

    /// target = left op right.
    pub(super) fn binary(&mut self, kind: Kind, target: usize, left: usize, right: Source) -> Done {
        let instruction = self.three(codes::binary(self.machine, kind), target, left, right)?;
        self.push(&instruction)
    }

    /// target = op(of).
    pub(super) fn unary(&mut self, kind: Kind, target: usize, of: Source) -> Done {
        let target = self.vector(target);
        let instruction = match (kind, of) {
            (Kind::Round(mode), of) => {
                let code = by_machine!(
                    self.machine,
                    EVEX_Vrndscaleps_zmm_k1z_zmmm512b32_imm8_sae,
                    EVEX_Vrndscalepd_zmm_k1z_zmmm512b64_imm8_sae,
                    VEX_Vroundps_ymm_ymmm256_imm8,
                    VEX_Vroundpd_ymm_ymmm256_imm8
                );
                // Bit 3: an inexact result is no exception.
                match of {
                    Source::Register(r) => Instruction::with3(code, target, self.vector(r), mode | 8)?,
                    Source::Vector(at) => Instruction::with3(code, target, Self::memory(at, false), mode | 8)?,
                    Source::Number(at) => Instruction::with3(code, target, Self::memory(at, true), mode | 8)?,
                }
            }
            (_, of) => {
                let code = by_machine!(
                    self.machine,
                    EVEX_Vsqrtps_zmm_k1z_zmmm512b32_er,
                    EVEX_Vsqrtpd_zmm_k1z_zmmm512b64_er,
                    VEX_Vsqrtps_ymm_ymmm256,
                    VEX_Vsqrtpd_ymm_ymmm256
                );
                match of {
                    Source::Register(r) => Instruction::with2(code, target, self.vector(r))?,
                    Source::Vector(at) => Instruction::with2(code, target, Self::memory(at, false))?,
                    Source::Number(at) => Instruction::with2(code, target, Self::memory(at, true))?,
                }
            }
        };
        self.push(&instruction)
    }

    /// A fused product, as its form says.
    pub(super) fn fused(&mut self, kind: Kind, form: Form, target: usize, second: usize, last: Source) -> Done {
        let instruction = self.three(codes::fused(self.machine, kind, form), target, second, last)?;
        self.push(&instruction)
    }

    /// target = yes where the test holds of a and b, else no. `mask` is a free register, which AVX2 needs; it may be
    /// none of the operands nor the target.
    pub(super) fn choose(
        &mut self,
        test: Test,
        [a, mask]: [usize; 2],
        b: Source,
        out: [usize; 2],
        yes: Source,
    ) -> Done {
        let [target, no] = out;
        if self.machine.wide {
            self.test_wide(test, a, b)?;
            let code = if self.machine.double {
                Code::EVEX_Vblendmpd_zmm_k1z_zmm_zmmm512b64
            } else {
                Code::EVEX_Vblendmps_zmm_k1z_zmm_zmmm512b32
            };
            let mut instruction = self.three(code, target, no, yes)?;
            instruction.set_op_mask(Register::K1);
            return self.push(&instruction);
        }
        self.test_narrow(test, a, mask, b)?;
        let code = if self.machine.double {
            Code::VEX_Vblendvpd_ymm_ymm_ymmm256_ymm
        } else {
            Code::VEX_Vblendvps_ymm_ymm_ymmm256_ymm
        };
        let (target, no, mask) = (self.vector(target), self.vector(no), self.vector(mask));
        let instruction = match yes {
            Source::Register(r) => Instruction::with4(code, target, no, self.vector(r), mask)?,
            Source::Vector(at) | Source::Number(at) => {
                Instruction::with4(code, target, no, Self::memory(at, false), mask)?
            }
        };
        self.push(&instruction)
    }

    /// k1 = whether the test holds.
    fn test_wide(&mut self, test: Test, a: usize, b: Source) -> Done {
        let code = if self.machine.double {
            Code::EVEX_Vcmppd_kr_k1_zmm_zmmm512b64_imm8_sae
        } else {
            Code::EVEX_Vcmpps_kr_k1_zmm_zmmm512b32_imm8_sae
        };
        self.compare(code, Register::K1, a, b, test)
    }

    /// mask = all bits where the test holds.
    fn test_narrow(&mut self, test: Test, a: usize, mask: usize, b: Source) -> Done {
        let code = if self.machine.double {
            Code::VEX_Vcmppd_ymm_ymm_ymmm256_imm8
        } else {
            Code::VEX_Vcmpps_ymm_ymm_ymmm256_imm8
        };
        self.compare(code, self.vector(mask), a, b, test)
    }

    fn compare(&mut self, code: Code, mask: Register, a: usize, b: Source, test: Test) -> Done {
        let (a, predicate) = (self.vector(a), codes::predicate(test));
        let instruction = match b {
            Source::Register(r) => Instruction::with4(code, mask, a, self.vector(r), predicate)?,
            Source::Vector(at) => Instruction::with4(code, mask, a, Self::memory(at, false), predicate)?,
            Source::Number(at) => Instruction::with4(code, mask, a, Self::memory(at, true), predicate)?,
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

    pub(super) fn leave(&mut self) -> Done {
        self.push(&Instruction::with(Code::VEX_Vzeroupper))?;
        self.push(&Instruction::with(Code::Retnq))
    }

    fn three(&self, code: Code, target: usize, second: usize, last: Source) -> Result<Instruction, IcedError> {
        let (target, second) = (self.vector(target), self.vector(second));
        match last {
            Source::Register(r) => Instruction::with3(code, target, second, self.vector(r)),
            Source::Vector(at) => Instruction::with3(code, target, second, Self::memory(at, false)),
            Source::Number(at) => Instruction::with3(code, target, second, Self::memory(at, true)),
        }
    }
}
