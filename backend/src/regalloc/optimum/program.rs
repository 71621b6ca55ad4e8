//! An integer program: minimise a linear cost over bits and counts, under linear inequalities.

/// A bit that may be known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bit {
    Zero,
    One,
    Var(u32),
}

#[derive(Default)]
pub(super) struct Program {
    /// What each variable costs, and the most that it can be. The least is 0.
    pub cost: Vec<f64>,
    pub upper: Vec<u32>,
    /// Each sum of variables times factors is at most the bound.
    pub rows: Vec<(Vec<(u32, f64)>, f64)>,
    /// What every solution costs.
    pub constant: f64,
}

impl Program {
    pub fn bit(&mut self) -> Bit {
        self.count(1)
    }

    pub fn count(&mut self, upper: u32) -> Bit {
        self.cost.push(0.0);
        self.upper.push(upper);
        Bit::Var(self.cost.len() as u32 - 1)
    }

    pub fn add_cost(&mut self, bit: Bit, cost: f64) {
        match bit {
            Bit::Zero => {}
            Bit::One => self.constant += cost,
            Bit::Var(i) => self.cost[i as usize] += cost,
        }
    }

    /// Where the bit is 0, that costs so much.
    pub fn add_cost_without(&mut self, bit: Bit, cost: f64) {
        self.constant += cost;
        self.add_cost(bit, -cost);
    }

    pub fn at_most(&mut self, terms: &[(Bit, f64)], bound: f64) {
        let mut bound = bound;
        let mut row: Vec<(u32, f64)> = vec![];
        for &(bit, factor) in terms {
            match bit {
                Bit::Zero => {}
                Bit::One => bound -= factor,
                Bit::Var(i) => row.push((i, factor)),
            }
        }
        row.sort_by_key(|&(i, _)| i);
        row.dedup_by(|next, first| {
            let same = next.0 == first.0;
            if same {
                first.1 += next.1;
            }
            same
        });
        row.retain(|&(_, factor)| factor != 0.0);
        let most =
            row.iter().map(|&(i, factor)| (factor * f64::from(self.upper[i as usize])).max(0.0));
        if most.sum::<f64>() > bound {
            self.rows.push((row, bound));
        }
    }

    /// The sum of bits is at least 1.
    pub fn some(&mut self, bits: &[Bit]) {
        let terms: Vec<(Bit, f64)> = bits.iter().map(|&bit| (bit, -1.0)).collect();
        self.at_most(&terms, -1.0);
    }

    /// `bit` only where one of `others`.
    pub fn implies(&mut self, bit: Bit, others: &[Bit]) {
        let mut terms: Vec<(Bit, f64)> = others.iter().map(|&bit| (bit, -1.0)).collect();
        terms.push((bit, 1.0));
        self.at_most(&terms, 0.0);
    }

    /// What a solution costs; none if it breaks a bound or a row.
    pub fn price(&self, values: &[f64]) -> Option<f64> {
        let within = |(&value, &upper): (&f64, &u32)| (0.0..=f64::from(upper)).contains(&value);
        let holds = |(row, bound): &(Vec<(u32, f64)>, f64)| {
            row.iter().map(|&(i, factor)| factor * values[i as usize]).sum::<f64>() <= *bound
        };
        let is_solution = values.len() == self.cost.len()
            && values.iter().zip(&self.upper).all(within)
            && self.rows.iter().all(holds);
        let cost = self.cost.iter().zip(values).map(|(cost, value)| cost * value);
        is_solution.then(|| cost.sum::<f64>() + self.constant)
    }

    /// Whether every solution costs a whole number.
    pub fn is_integral(&self) -> bool {
        self.cost.iter().chain([&self.constant]).all(|cost| cost.fract() == 0.0)
    }
}
