//! `--while`: a comparison of figures, such as `ion.cost > 2`.

use super::answer;
use core::fmt;
use core::str::FromStr;
use regalloc2::{Function, RegClass};
use windlass_backend::options::AllocatorKind;
use windlass_backend::regalloc::saved::Saved;
use windlass_backend::regalloc::{AllocStats, excess, lower_bound, peak_pressure};

#[derive(Clone, Debug)]
pub struct Condition {
    text: String,
    left: Term,
    operator: Operator,
    right: Term,
}

#[derive(Clone, Copy, Debug)]
enum Term {
    Number(f64),
    OfProblem(Figure<Saved>),
    OfAnswer { kind: AllocatorKind, is_final: bool, figure: Figure<AllocStats> },
}

type Figure<T> = fn(&T) -> f64;
type Operator = fn(&f64, &f64) -> bool;

/// The longer first where one begins another.
const OPERATORS: [(&str, Operator); 6] = [
    ("<=", f64::le),
    (">=", f64::ge),
    ("==", f64::eq),
    ("!=", f64::ne),
    ("<", f64::lt),
    (">", f64::gt),
];

const OF_PROBLEM: [(&str, Figure<Saved>); 4] = [
    ("lower_bound", |saved| lower_bound(&saved.problem, &saved.env)),
    ("excess", |saved| excess(&saved.problem, &saved.env).into()),
    ("peak_pressure", |saved| peak_pressure(&saved.problem)[RegClass::Int as usize].into()),
    ("insts", |saved| saved.problem.num_insts() as f64),
];

const OF_ANSWER: [(&str, Figure<AllocStats>); 7] = [
    ("spill_stores", |stats| stats.spill_stores.into()),
    ("reloads", |stats| stats.reloads.into()),
    ("moves", |stats| stats.moves.into()),
    ("remats", |stats| stats.remats.into()),
    ("spilled_values", |stats| stats.spilled_values.into()),
    ("slots", |stats| stats.slots.into()),
    ("cost", |stats| stats.cost),
];

impl Condition {
    /// Does not hold if an allocator that it names has no right answer.
    pub fn holds(&self, saved: &Saved) -> bool {
        let value = |term: &Term| term.value(saved);
        let both = value(&self.left).zip(value(&self.right));
        both.is_some_and(|(left, right)| (self.operator)(&left, &right))
    }
}

impl Term {
    fn value(&self, saved: &Saved) -> Option<f64> {
        match *self {
            Term::Number(number) => Some(number),
            Term::OfProblem(figure) => Some(figure(saved)),
            Term::OfAnswer { kind, is_final, figure } => {
                let answer = answer(kind, saved).ok()?;
                Some(figure(if is_final { &answer.final_alloc } else { &answer.alloc }))
            }
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Condition, String> {
        let found = OPERATORS.iter().find(|(operator, _)| text.contains(operator));
        let (name, operator) = found.ok_or("there is no comparison: <, <=, >, >=, == or !=")?;
        let (left, right) = text.split_once(name).unwrap_or_default();
        Ok(Condition {
            text: text.trim().to_owned(),
            left: left.parse()?,
            operator: *operator,
            right: right.parse()?,
        })
    }
}

impl FromStr for Term {
    type Err = String;

    fn from_str(text: &str) -> Result<Term, String> {
        let text = text.trim();
        if let Some(number) = text.parse().ok().filter(|number: &f64| number.is_finite()) {
            return Ok(Term::Number(number));
        }
        if let Some((_, figure)) = OF_PROBLEM.iter().find(|(name, _)| *name == text) {
            return Ok(Term::OfProblem(*figure));
        }
        let of_answer = || {
            let (name, figure) = text.split_once('.')?;
            let kind = AllocatorKind::ALL.into_iter().find(|kind| kind.name() == name)?;
            let (is_final, figure) = match figure.strip_prefix("final.") {
                Some(figure) => (true, figure),
                None => (false, figure),
            };
            let (_, figure) = OF_ANSWER.iter().find(|(name, _)| *name == figure)?;
            Some(Term::OfAnswer { kind, is_final, figure: *figure })
        };
        of_answer().ok_or_else(|| {
            let names = OF_PROBLEM.iter().map(|(name, _)| *name);
            let names: Vec<_> = names.chain(OF_ANSWER.iter().map(|(name, _)| *name)).collect();
            format!("{text:?} is no number and no figure; figures: {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_backend::regalloc::saved::parse;

    const PROBLEM: &str = "windlass-problem 1
module \"m\"\nfunction \"f\"\nindex 0\nvregs 3\nslots 1 2 4
preferred p0i p1i\nnon-preferred\nscratch p12i
block0() 1.0\n op def v0i reg\n op def v1i reg\n op def v2i reg
 op use v0i reg\n op use v1i reg\n op use v2i reg\n ret";

    #[test]
    fn conditions_compare_figures() {
        let saved = parse(PROBLEM).unwrap();
        let holds = |text: &str| text.parse::<Condition>().unwrap().holds(&saved);
        assert!(holds("belady.cost == 2"));
        assert!(holds("ion.spill_stores>=1") && holds("1 <= ion.spill_stores"));
        assert!(!holds("belady.cost > greedy.cost"));
        assert!(holds("coloring.final.moves == 0") && holds("coloring.final.slots != 0"));
        assert!(holds("excess == 1") && holds("peak_pressure == 3") && holds("insts < 7.5"));
        assert!(holds("lower_bound == 2"));
    }

    #[test]
    fn others_are_errors() {
        for text in ["", "ion.cost", "ion.cost >", "ion.price > 1", "best.cost > 1", "1 < nan"] {
            assert!(text.parse::<Condition>().is_err(), "{text}");
        }
    }
}
