//! The order of instructions: chains that do not wait for each other side by side, as far as registers reach.
//!
//! A processor looks ahead, but only some hundred instructions wait in it for their operands. The text of a function is
//! one chain after the other (the sine of each of thirty coordinates, say), so that it would see two or three of them.
//!
//! Flows in: a [`Program`], how many copies of it are made. Flows out: the order, by list scheduling on a simple model of
//! a processor (two instructions a cycle, one divider), the longest chain first. Who should not use it: anyone but
//! `registers`.

use super::codes::Machine;
use super::program::{Kind, Operand, Program};

/// How far ahead of the first instruction that is still to come another one may be taken: the farther, the more chains
/// are under way and the more registers they hold. Which is better is tried.
const WINDOWS: [usize; 2] = [150, 600];
/// Conditions that may wait at once: there are seven registers for them.
const CONDITIONS: usize = 5;

/// An instruction of one copy.
struct Node {
    /// The nodes that read its result.
    users: Vec<usize>,
    /// The nodes whose results it reads, each once.
    operands: Vec<usize>,
    /// Operands that are still to be computed.
    missing: usize,
    /// Users that are still to come.
    uses: usize,
    /// When its operands are there.
    ready: usize,
    /// Cycles from its beginning to the end of the longest chain that follows, or of what waits for the divider.
    height: usize,
}

/// Instructions with their copies, in the order in which they are best put out; `kept` registers are taken.
pub(super) fn order(program: &Program, machine: Machine, copies: usize, kept: usize) -> Vec<(usize, usize)> {
    let room = machine.registers().saturating_sub(kept + machine.registers() / 6).max(3);
    let length = program.code.len().max(1);
    let windows = if length * copies > WINDOWS[0] { &WINDOWS[..] } else { &WINDOWS[..1] };
    let schedules = windows.iter().map(|window| {
        let schedule = Schedule { program, nodes: nodes(program, copies), room, now: Now::default() };
        schedule.run(*window)
    });
    let (_, order) = schedules.min_by_key(|(cycles, _)| *cycles).unwrap_or_default();
    order.into_iter().map(|node| (node % length, node / length)).collect()
}

/// One copy's nodes after the other's.
fn nodes(program: &Program, copies: usize) -> Vec<Node> {
    let length = program.code.len();
    let mut maker = vec![usize::MAX; program.values];
    let mut nodes: Vec<Node> = Vec::with_capacity(length * copies);
    for place in 0..length * copies {
        let instruction = &program.code[place % length];
        maker[instruction.out] = place;
        let mut operands: Vec<usize> = Vec::new();
        for operand in &instruction.operands {
            if let Operand::Value(value) = *operand
                && maker[value] != usize::MAX
                && !operands.contains(&maker[value])
            {
                operands.push(maker[value]);
            }
        }
        operands.iter().for_each(|operand| nodes[*operand].users.push(place));
        let missing = operands.len();
        nodes.push(Node { users: Vec::new(), operands, missing, uses: 0, ready: 0, height: 0 });
    }
    heights(program, &mut nodes);
    nodes
}

/// Roots and quotients queue for the divider in the order of the text, and each has those behind it in its height:
/// else the first would come no sooner than the last, and the divider would stand idle until then.
fn heights(program: &Program, nodes: &mut [Node]) {
    let length = program.code.len();
    let mut queue = 0;
    for node in (0..nodes.len()).rev() {
        let kind = program.code[node % length].kind;
        let (latency, occupied) = kind.cycles();
        let after = nodes[node].users.iter().map(|user| nodes[*user].height).max().unwrap_or(0);
        nodes[node].height = after + latency;
        if kind.divides() {
            queue = nodes[node].height.max(queue + occupied / 2);
            nodes[node].height = queue;
        }
        nodes[node].uses = nodes[node].users.len();
    }
}

struct Schedule<'a> {
    program: &'a Program,
    nodes: Vec<Node>,
    /// Registers for results.
    room: usize,
    now: Now,
}

/// The state of the model.
#[derive(Default)]
struct Now {
    cycle: usize,
    /// Instructions begun in this cycle.
    begun: usize,
    /// When the divider is free.
    divider: usize,
    /// Results that will be read: numbers, conditions.
    alive: [usize; 2],
}

impl Schedule<'_> {
    /// The cycles that it takes, and the nodes in order.
    fn run(mut self, window: usize) -> (usize, Vec<usize>) {
        let mut first = 0;
        let mut done = vec![false; self.nodes.len()];
        let mut open: Vec<usize> = (0..done.len()).filter(|k| self.nodes[*k].missing == 0).collect();
        let mut order = Vec::with_capacity(done.len());
        while order.len() < done.len() {
            while done[first] {
                first += 1;
            }
            let place = self.choose(&open, first + window);
            let node = open.swap_remove(place);
            done[node] = true;
            self.issue(node, &mut open);
            order.push(node);
        }
        (self.now.cycle, order)
    }

    fn kind(&self, node: usize) -> Kind {
        self.program.code[node % self.program.code.len()].kind
    }

    /// Whether its result finds a register: there is one, or one of its operands' becomes free.
    fn fits(&self, node: usize) -> bool {
        if self.kind(node).is_condition() {
            return self.now.alive[1] < CONDITIONS;
        }
        let last = |operand: &usize| self.nodes[*operand].uses == 1 && !self.kind(*operand).is_condition();
        self.now.alive[0] < self.room || self.nodes[node].operands.iter().any(last)
    }

    /// When it can begin.
    fn begin(&self, node: usize) -> usize {
        self.nodes[node].ready.max(if self.kind(node).divides() { self.now.divider } else { 0 }).max(self.now.cycle)
    }

    /// The place in `open` of what comes next: what can begin first, of these the longest chain; where nothing finds a
    /// register, the first in the text, which ends a chain soonest.
    fn choose(&self, open: &[usize], end: usize) -> usize {
        let near = open.iter().enumerate().filter(|(_, node)| **node < end && self.fits(**node));
        let best = near.min_by_key(|(_, node)| (self.begin(**node), usize::MAX - self.nodes[**node].height, **node));
        let first = || open.iter().enumerate().min_by_key(|(_, node)| **node);
        best.or_else(first).map_or(0, |(place, _)| place)
    }

    fn issue(&mut self, node: usize, open: &mut Vec<usize>) {
        let kind = self.kind(node);
        let (latency, occupied) = kind.cycles();
        let begin = self.begin(node);
        if begin > self.now.cycle {
            (self.now.cycle, self.now.begun) = (begin, 0);
        }
        self.now.begun += 1;
        if kind.divides() {
            self.now.divider = begin + occupied / 2;
        }
        if self.now.begun == 2 {
            (self.now.cycle, self.now.begun) = (self.now.cycle + 1, 0);
        }
        for k in 0..self.nodes[node].operands.len() {
            let operand = self.nodes[node].operands[k];
            self.nodes[operand].uses -= 1;
            if self.nodes[operand].uses == 0 {
                self.now.alive[usize::from(self.kind(operand).is_condition())] -= 1;
            }
        }
        if self.nodes[node].uses > 0 {
            self.now.alive[usize::from(kind.is_condition())] += 1;
        }
        for k in 0..self.nodes[node].users.len() {
            let user = self.nodes[node].users[k];
            let user_node = &mut self.nodes[user];
            user_node.ready = user_node.ready.max(begin + latency);
            user_node.missing -= 1;
            if user_node.missing == 0 {
                open.push(user);
            }
        }
    }
}
