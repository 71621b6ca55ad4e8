//! Text to a problem.
//!
//! Lines are read one at a time; what a line says is checked by itself here, and the whole by
//! [`well_formed()`], whose findings are traced back to where they were read.

use core::ops::RangeInclusive;

use regalloc2::{
    Block, MachineEnv, Operand, OperandConstraint, OperandKind, OperandPos, PReg, PRegSet,
    RegClass, VReg,
};

use super::{LETTERS, Names, Saved, VERSION};
use crate::regalloc::well_formed::{
    MAX_BLOCKS, MAX_INSTS, MAX_LIMIT, MAX_OPERANDS, MAX_REUSE, MAX_SLOT_WORDS, MAX_VREGS, Site,
    well_formed,
};
use crate::regalloc::{BlockData, CLASSES, Flow, Instruction, Problem};

/// What is wrong, and where: lines and columns (in characters) count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ParseError {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

type Result<T> = core::result::Result<T, ParseError>;

/// Reads a problem and checks it.
///
/// # Errors
/// The first thing that the format, the limits or the rules of allocation problems do not allow.
pub fn parse(text: &str) -> Result<Saved> {
    let mut lines = Lines::new(text);
    let mut line = lines.header("windlass-problem")?;
    let at = line.at();
    let version = line.number(0..=usize::MAX)?;
    if version != VERSION as usize {
        return Err(at.error(format!("version {version}; this program reads {VERSION}")));
    }
    line.end()?;
    let names = Names {
        module: lines.only("module", Line::string)?,
        function: lines.only("function", Line::string)?,
        index: lines.only("index", |line| line.number(0..=u32::MAX as usize))? as u32,
    };
    let vregs = lines.only("vregs", |line| line.number(0..=MAX_VREGS))?;
    let slots = lines.only("slots", |line| {
        let mut words = [0; 3];
        for class in &mut words {
            *class = line.number(1..=MAX_SLOT_WORDS)?;
        }
        Ok(words)
    })?;
    let env = environment(&mut lines)?;
    let mut body = Body { vregs, ..Body::default() };
    while let Some(line) = lines.next() {
        body.line(line)?;
    }
    body.check_targets()?;
    let problem = Problem::new(body.blocks, vregs, slots);
    well_formed(&problem, &env).map_err(|e| {
        let at = match e.site {
            Site::Environment | Site::Problem => lines.last,
            Site::Block(block) => body.block_at[block.index()],
            Site::Inst(inst) => body.inst_at[inst.index()].start,
            Site::Operand(inst, nth) => body.inst_at[inst.index()].operands[nth],
            Site::Successor(block, nth) => body.targets[block.index()][nth].0,
        };
        at.error(e.message)
    })?;
    Ok(Saved { names, env, problem })
}

/// Three lines of registers, each of which stands in one of them.
fn environment(lines: &mut Lines) -> Result<MachineEnv> {
    let mut seen = PRegSet::empty();
    let mut line = lines.header("preferred")?;
    let preferred_regs_by_class = line.register_sets(&mut seen)?;
    let mut line = lines.header("non-preferred")?;
    let non_preferred_regs_by_class = line.register_sets(&mut seen)?;
    let mut line = lines.header("scratch")?;
    let mut scratch_by_class = [None; 3];
    while !line.is_empty() {
        let at = line.at();
        let preg = line.new_register(&mut seen)?;
        if scratch_by_class[preg.class() as usize].replace(preg).is_some() {
            return Err(at.error("another scratch register of the same class"));
        }
    }
    Ok(MachineEnv {
        preferred_regs_by_class,
        non_preferred_regs_by_class,
        scratch_by_class,
        fixed_stack_slots: vec![],
    })
}

/// Where an instruction and its operands were read.
struct InstAt<'a> {
    start: At<'a>,
    operands: Vec<At<'a>>,
}

#[derive(Default)]
struct Body<'a> {
    vregs: usize,
    blocks: Vec<BlockData>,
    block_at: Vec<At<'a>>,
    inst_at: Vec<InstAt<'a>>,
    /// Of each block, where each successor was read, and its number.
    targets: Vec<Vec<(At<'a>, usize)>>,
}

impl<'a> Body<'a> {
    fn line(&mut self, mut line: Line<'a>) -> Result<()> {
        let at = line.at();
        let word = line.word()?;
        let flow = match word {
            "op" => Flow::Op,
            "branch" => Flow::Branch,
            "ret" => Flow::Ret,
            _ => return self.block(at, word, line),
        };
        if self.blocks.is_empty() {
            return Err(at.error("an instruction in front of block0"));
        }
        if self.inst_at.len() == MAX_INSTS {
            return Err(at.error(format!("more than {MAX_INSTS} instructions")));
        }
        self.inst_at.push(InstAt { start: at, operands: vec![] });
        self.instruction(flow, line)
    }

    fn block(&mut self, at: At<'a>, word: &str, mut line: Line<'a>) -> Result<()> {
        let number = self.blocks.len();
        if block_number(word) != Some(number) {
            return Err(at.error(format!("op, branch, ret or block{number} expected")));
        }
        if number == MAX_BLOCKS {
            return Err(at.error(format!("more than {MAX_BLOCKS} blocks")));
        }
        let params = line.values(self.vregs)?;
        let frequency_at = line.at();
        let frequency = line.word()?.parse::<f64>();
        let frequency = frequency.map_err(|_| frequency_at.error("a frequency expected"))?;
        line.end()?;
        self.blocks.push(BlockData { params, frequency, ..BlockData::default() });
        self.block_at.push(at);
        self.targets.push(vec![]);
        Ok(())
    }

    fn instruction(&mut self, flow: Flow, mut line: Line<'a>) -> Result<()> {
        let mut inst = Instruction { flow, ..Instruction::default() };
        inst.call = line.take("call");
        if line.take("remat") {
            inst.remat = Some(line.number(0..=u32::MAX as usize)? as u32);
        }
        if !line.is_empty() && !line.is_at("clobbers") && !line.is_at("to") {
            inst.operands = self.operands(&mut line)?;
        }
        if line.take("clobbers") {
            while !line.is_empty() && !line.is_at("to") {
                inst.clobbers.add(line.register()?);
            }
        }
        if flow == Flow::Branch {
            line.expect("to")?;
            self.successors(&mut line)?;
        }
        inst.text = line.comment.trim().to_owned();
        line.end()?;
        self.blocks.last_mut().expect("a block").insts.push(inst);
        Ok(())
    }

    fn operands(&mut self, line: &mut Line<'a>) -> Result<Vec<Operand>> {
        let mut operands = vec![];
        loop {
            let at = line.at();
            if operands.len() == MAX_OPERANDS {
                return Err(at.error(format!("more than {MAX_OPERANDS} operands")));
            }
            operands.push(line.operand(self.vregs)?);
            self.inst_at.last_mut().expect("an instruction").operands.push(at);
            if !line.take(",") {
                return Ok(operands);
            }
        }
    }

    fn successors(&mut self, line: &mut Line<'a>) -> Result<()> {
        let block = self.blocks.last_mut().expect("a block");
        let targets = self.targets.last_mut().expect("a block");
        loop {
            let at = line.at();
            let number = block_number(line.word()?);
            let number = number.ok_or_else(|| at.error("a block expected"))?;
            targets.push((at, number));
            // A number that a block can have; whether one has it is checked at the end.
            block.succs.push(Block::new(number.min(MAX_BLOCKS)));
            block.args.push(line.values(self.vregs)?);
            if !line.take(",") {
                return Ok(());
            }
        }
    }

    fn check_targets(&self) -> Result<()> {
        let count = self.blocks.len();
        match self.targets.iter().flatten().find(|(_, number)| *number >= count) {
            Some((at, number)) => Err(at.error(format!("no block{number}; there are {count}"))),
            None => Ok(()),
        }
    }
}

fn block_number(word: &str) -> Option<usize> {
    decimal(word.strip_prefix("block")?)
}

/// Digits and nothing else.
fn decimal(digits: &str) -> Option<usize> {
    let is_plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if is_plain { digits.parse().ok() } else { None }
}

/// A place in the text.
#[derive(Clone, Copy)]
struct At<'a> {
    /// From 0.
    line: usize,
    text: &'a str,
    /// In bytes.
    offset: usize,
}

impl At<'_> {
    fn error(self, message: impl Into<String>) -> ParseError {
        let column = self.text[..self.offset].chars().count() + 1;
        ParseError { line: self.line + 1, column, message: message.into() }
    }
}

/// The lines that have something besides a comment.
struct Lines<'a> {
    lines: core::iter::Enumerate<core::str::Lines<'a>>,
    /// The end of the line read last.
    last: At<'a>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Lines<'a> {
        let last = At { line: 0, text: "", offset: 0 };
        Lines { lines: text.lines().enumerate(), last }
    }

    fn next(&mut self) -> Option<Line<'a>> {
        self.lines.by_ref().map(|(number, text)| Line::new(number, text)).find(|line| {
            self.last = At { offset: line.text.len(), ..line.at };
            !line.is_empty()
        })
    }

    /// The next line, which must begin with a word.
    fn header(&mut self, key: &str) -> Result<Line<'a>> {
        let last = self.last;
        let mut line = self.next().ok_or_else(|| last.error(format!("{key} expected")))?;
        line.expect(key)?;
        Ok(line)
    }

    /// What the next line has behind a word, and nothing more.
    fn only<T>(&mut self, key: &str, read: impl FnOnce(&mut Line<'a>) -> Result<T>) -> Result<T> {
        let mut line = self.header(key)?;
        let value = read(&mut line)?;
        line.end()?;
        Ok(value)
    }
}

/// A line that is being read.
struct Line<'a> {
    /// Its beginning.
    at: At<'a>,
    /// In front of the comment.
    text: &'a str,
    comment: &'a str,
    /// How many bytes of `text` have been read, blanks behind them included.
    offset: usize,
}

impl<'a> Line<'a> {
    fn new(number: usize, text: &'a str) -> Line<'a> {
        let (code, comment) = text.split_at(code_len(text));
        let at = At { line: number, text, offset: 0 };
        let mut line =
            Line { at, text: code.trim_end(), comment: comment.get(1..).unwrap_or(""), offset: 0 };
        line.skip(0);
        line
    }

    fn rest(&self) -> &'a str {
        &self.text[self.offset..]
    }

    /// Where the next word is.
    fn at(&self) -> At<'a> {
        At { offset: self.offset, ..self.at }
    }

    /// Leaves so many bytes behind, and blanks.
    fn skip(&mut self, len: usize) {
        self.offset += len;
        self.offset += self.rest().len() - self.rest().trim_start().len();
    }

    fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    /// The next word: a bracket, a comma, or what is in front of these and of blanks.
    fn peek(&self) -> &'a str {
        let rest = self.rest();
        let is_end = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',');
        let len = rest.find(is_end).unwrap_or(rest.len());
        match (len, rest.chars().next()) {
            (0, Some(first)) => &rest[..first.len_utf8()],
            _ => &rest[..len],
        }
    }

    fn is_at(&self, word: &str) -> bool {
        self.peek() == word
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.is_at(word);
        if found {
            self.skip(word.len());
        }
        found
    }

    fn expect(&mut self, word: &str) -> Result<()> {
        if self.take(word) { Ok(()) } else { Err(self.at().error(format!("{word:?} expected"))) }
    }

    fn end(&self) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(self.at().error("end of line expected")) }
    }

    fn word(&mut self) -> Result<&'a str> {
        let word = self.peek();
        if word.is_empty() {
            return Err(self.at().error("more expected"));
        }
        self.skip(word.len());
        Ok(word)
    }

    fn number(&mut self, range: RangeInclusive<usize>) -> Result<usize> {
        let at = self.at();
        let number = decimal(self.word()?).filter(|number| range.contains(number));
        number.ok_or_else(|| {
            at.error(format!("a number from {} to {} expected", range.start(), range.end()))
        })
    }

    fn string(&mut self) -> Result<String> {
        let wrong = |at: At| at.error("a string in quotation marks expected");
        let mut out = String::new();
        let mut chars = self.rest().char_indices();
        if chars.next().is_none_or(|(_, c)| c != '"') {
            return Err(wrong(self.at()));
        }
        while let Some((offset, c)) = chars.next() {
            match c {
                '"' => {
                    self.skip(offset + 1);
                    return Ok(out);
                }
                '\\' => {
                    let at = At { offset: self.offset + offset, ..self.at };
                    out.push(escape(&mut chars).ok_or_else(|| at.error("no such escape"))?);
                }
                c => out.push(c),
            }
        }
        Err(wrong(self.at()))
    }

    /// A name such as `v12i`: a letter, a number below `limit`, the class.
    fn name(&mut self, first: char, limit: usize, what: &str) -> Result<(usize, RegClass)> {
        let at = self.at();
        let name = self.word()?.strip_prefix(first).and_then(|rest| {
            let (class, letter) =
                CLASSES.into_iter().zip(LETTERS).find(|(_, l)| rest.ends_with(*l))?;
            Some((decimal(rest.strip_suffix(letter)?)?, class))
        });
        let name = name.filter(|(number, _)| *number < limit);
        name.ok_or_else(|| at.error(format!("{what} expected, its number below {limit}")))
    }

    fn register(&mut self) -> Result<PReg> {
        let (number, class) = self.name('p', PReg::MAX, "a register such as p0i")?;
        Ok(PReg::new(number, class))
    }

    fn value(&mut self, vregs: usize) -> Result<VReg> {
        let (number, class) = self.name('v', vregs, "a value such as v0i")?;
        Ok(VReg::new(number, class))
    }

    /// A register that was not seen yet.
    fn new_register(&mut self, seen: &mut PRegSet) -> Result<PReg> {
        let at = self.at();
        let preg = self.register()?;
        if seen.contains(preg) {
            return Err(at.error("listed twice"));
        }
        seen.add(preg);
        Ok(preg)
    }

    /// The rest of the line, by class.
    fn register_sets(&mut self, seen: &mut PRegSet) -> Result<[PRegSet; 3]> {
        let mut sets = [PRegSet::empty(); 3];
        while !self.is_empty() {
            let preg = self.new_register(seen)?;
            sets[preg.class() as usize].add(preg);
        }
        Ok(sets)
    }

    /// Values in brackets.
    fn values(&mut self, vregs: usize) -> Result<Vec<VReg>> {
        let mut values = vec![];
        self.expect("(")?;
        if self.take(")") {
            return Ok(values);
        }
        loop {
            values.push(self.value(vregs)?);
            if self.take(")") {
                return Ok(values);
            }
            self.expect(",")?;
        }
    }

    fn operand(&mut self, vregs: usize) -> Result<Operand> {
        let at = self.at();
        let (kind, pos) = match self.word()? {
            "use" => (OperandKind::Use, OperandPos::Early),
            "use@late" => (OperandKind::Use, OperandPos::Late),
            "def" => (OperandKind::Def, OperandPos::Late),
            "def@early" => (OperandKind::Def, OperandPos::Early),
            "reserved" => return Ok(Operand::fixed_nonallocatable(self.register()?)),
            _ => {
                return Err(
                    at.error("an operand expected: use, use@late, def, def@early, reserved")
                );
            }
        };
        let vreg = self.value(vregs)?;
        let constraint = self.constraint(vreg.class())?;
        Ok(Operand::new(vreg, constraint, kind, pos))
    }

    fn constraint(&mut self, class: RegClass) -> Result<OperandConstraint> {
        for (word, constraint) in [
            ("any", OperandConstraint::Any),
            ("reg", OperandConstraint::Reg),
            ("stack", OperandConstraint::Stack),
        ] {
            if self.take(word) {
                return Ok(constraint);
            }
        }
        if self.take("reuse") {
            return Ok(OperandConstraint::Reuse(self.number(0..=MAX_REUSE)?));
        }
        let at = self.at();
        if self.take("limit") {
            let limit = self.number(1..=MAX_LIMIT)?;
            let is_power = limit.is_power_of_two();
            let constraint = is_power.then_some(OperandConstraint::Limit(limit));
            return constraint.ok_or_else(|| at.error("a limit is a power of two"));
        }
        let preg = self.register()?;
        if preg.class() != class {
            return Err(at.error("a register of another class"));
        }
        Ok(OperandConstraint::FixedReg(preg))
    }
}

/// What stands behind a backslash.
fn escape(chars: &mut core::str::CharIndices) -> Option<char> {
    match chars.next()?.1 {
        c @ ('"' | '\\') => Some(c),
        'u' => {
            let (digits, _) = chars.as_str().strip_prefix('{')?.split_once('}')?;
            let is_plain = (1..=6).contains(&digits.len())
                && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let code = is_plain.then(|| u32::from_str_radix(digits, 16).ok())??;
            chars.nth(digits.len() + 1);
            char::from_u32(code)
        }
        _ => None,
    }
}

/// Bytes in front of the comment; a semicolon inside of a string begins none.
fn code_len(text: &str) -> usize {
    let (mut in_string, mut escaped) = (false, false);
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            b';' if !in_string => return offset,
            b'"' if !escaped => in_string = !in_string,
            _ => {}
        }
        escaped = in_string && byte == b'\\' && !escaped;
    }
    text.len()
}
