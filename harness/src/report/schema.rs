//! The report of a compilation or a comparison, as tools read it.
//!
//! Input: [`Artifact`]s of the same module by different allocators. Output: one [`Report`], which
//! serialises to the JSON that docs/stats-schema.md documents. Within a schema number
//! fields are added, never renamed.

use crate::compiler::Artifact;
use serde::ser::{Serialize, SerializeMap, Serializer};
use windlass_backend::module::FunctionRole;
use windlass_backend::options::AllocatorKind;
use windlass_backend::regalloc::AllocStats;
use windlass_isa_thumb2::settings::Settings;

pub const SCHEMA: u32 = 1;

#[derive(Clone, Debug, serde::Serialize)]
pub struct Report {
    pub schema: u32,
    pub target: String,
    pub cpu: String,
    /// Allocatable registers.
    pub reg_env: String,
    /// How many they are.
    pub k: u32,
    /// Sum of the functions' bounds.
    pub lower_bound: u64,
    pub functions: Vec<FunctionReport>,
    /// Sums over all functions.
    pub totals: ByAllocator<Figures>,
    /// Of each module that was executed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<Profile>,
}

#[derive(Clone, Debug, serde::Serialize)]
pub struct FunctionReport {
    pub module: String,
    /// In the wasm function index space, or the position in a .clif file.
    pub index: u32,
    pub name: String,
    /// Instructions before allocation.
    pub vcode_insts: u64,
    pub vregs: u64,
    /// The most values live at once.
    pub peak_pressure: u32,
    /// The most by which live values exceed the registers that are free for them; a function
    /// fits if this is at most 0.
    pub excess: i32,
    /// A cost below which no allocation can be.
    pub lower_bound: u64,
    /// If it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimum: Option<Optimum>,
    #[serde(flatten)]
    pub ranking: Ranking,
    /// The same by the dynamic cost, if it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic: Option<Ranking>,
    pub allocators: ByAllocator<Figures>,
}

/// What is known of the least cost of a function, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Optimum {
    /// The least that is known to be possible, or some allocator's.
    pub cost: u64,
    /// No allocation costs less.
    pub bound: u64,
    /// Both are the same.
    pub proved: bool,
}

#[cfg(feature = "optimum")]
impl From<windlass_backend::regalloc::Optimum> for Optimum {
    fn from(optimum: windlass_backend::regalloc::Optimum) -> Optimum {
        Optimum {
            cost: optimum.cost.unwrap_or(f64::INFINITY).round() as u64,
            bound: optimum.bound.floor() as u64,
            proved: optimum.proved,
        }
    }
}

/// How the allocators of a function stand to each other.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Ranking {
    /// Those of the least cost, of them those of the fewest moves, of them those of the fewest
    /// bytes.
    #[serde(serialize_with = "names")]
    pub best: Vec<AllocatorKind>,
    /// By how much the cost of the first allocator exceeds the least.
    pub regret: u64,
}

impl FunctionReport {
    /// By what was executed if anything was.
    pub fn shown_ranking(&self) -> &Ranking {
        self.dynamic.as_ref().unwrap_or(&self.ranking)
    }
}

impl Ranking {
    fn new(allocators: &ByAllocator<Figures>, cost: impl Fn(&Figures) -> u64) -> Ranking {
        let key = |figures: &Figures| (cost(figures), figures.moves, figures.code_bytes);
        let Some(least) = allocators.iter().map(|(_, figures)| key(figures)).min() else {
            return Ranking::default();
        };
        let first = allocators.0.first().map_or(0, |(_, figures)| cost(figures));
        let best = allocators.iter().filter(|(_, figures)| key(figures) == least);
        Ranking { best: best.map(|(kind, _)| kind).collect(), regret: first - least.0 }
    }

    /// By the dynamic cost.
    fn dynamic(allocators: &ByAllocator<Figures>) -> Option<Ranking> {
        let is_measured = allocators.iter().all(|(_, figures)| figures.dynamic.is_some());
        let cost = |figures: &Figures| figures.dynamic.map_or(0, |dynamic| dynamic.cost);
        is_measured.then(|| Ranking::new(allocators, cost))
    }
}

fn names<S: Serializer>(kinds: &[AllocatorKind], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(kinds.iter().map(|kind| kind.name()))
}

/// What an allocator made of a function, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Figures {
    /// Emitted instructions.
    pub insts: u64,
    pub code_bytes: u64,
    pub spill_stores: u64,
    pub reloads: u64,
    pub moves: u64,
    pub remats: u64,
    pub spilled_values: u64,
    pub slots: u64,
    pub frame_bytes: u64,
    /// Stores and reloads, each weighted by 10 to the depth of its loop.
    pub cost: u64,
    /// Time of the allocation alone.
    pub time_us: u64,
    /// Functions whose instructions it has in another order; what it costs is that order's.
    pub reordered: u64,
    /// The same after the passes that follow allocation: what the machine code contains.
    #[serde(rename = "final")]
    pub final_: FinalFigures,
    /// Of an execution, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic: Option<Dynamic>,
}

/// What a function executed in one call of the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Dynamic {
    pub insts: u64,
    pub spill_stores: u64,
    pub reloads: u64,
    /// Instructions that copy a register to another.
    pub copies: u64,
    /// Spill stores and reloads.
    pub cost: u64,
}

/// An execution of a module, the same by each allocator.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Profile {
    pub module: String,
    pub function: String,
    pub arguments: Vec<String>,
    pub results: Vec<String>,
    /// All that was executed, also outside of the functions that are reported.
    pub allocators: ByAllocator<Execution>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Execution {
    pub insts: u64,
    /// The emulator's estimate.
    pub cycles: u64,
    pub spill_stores: u64,
    pub reloads: u64,
}

/// A module by one allocator.
pub struct Measured {
    pub allocator: AllocatorKind,
    pub artifact: Artifact,
    /// Parallel to the module's functions, if it was executed.
    pub dynamic: Option<Vec<Dynamic>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct FinalFigures {
    pub spill_stores: u64,
    pub reloads: u64,
    pub moves: u64,
    pub remats: u64,
    pub spilled_values: u64,
    pub slots: u64,
    pub cost: u64,
    /// Loads and stores relative to sp that are no spills: arguments, results, stack slots.
    pub stack_args: u64,
}

impl Figures {
    pub fn spills(&self) -> u64 {
        self.spill_stores + self.reloads
    }

    fn add(&mut self, other: &Figures) {
        self.insts += other.insts;
        self.code_bytes += other.code_bytes;
        self.spill_stores += other.spill_stores;
        self.reloads += other.reloads;
        self.moves += other.moves;
        self.remats += other.remats;
        self.spilled_values += other.spilled_values;
        self.slots += other.slots;
        self.frame_bytes += other.frame_bytes;
        self.cost += other.cost;
        self.time_us += other.time_us;
        self.reordered += other.reordered;
        self.final_.add(&other.final_);
        if let Some(other) = &other.dynamic {
            self.dynamic.get_or_insert_default().add(other);
        }
    }
}

impl FinalFigures {
    fn new(stats: &AllocStats, stack_args: u32) -> FinalFigures {
        FinalFigures {
            spill_stores: stats.spill_stores.into(),
            reloads: stats.reloads.into(),
            moves: stats.moves.into(),
            remats: stats.remats.into(),
            spilled_values: stats.spilled_values.into(),
            slots: stats.slots.into(),
            cost: stats.cost.round() as u64,
            stack_args: stack_args.into(),
        }
    }

    /// All traffic relative to sp, pushes, pops and the stack check apart.
    pub fn stack_accesses(&self) -> u64 {
        self.spill_stores + self.reloads + self.stack_args
    }

    fn add(&mut self, other: &FinalFigures) {
        self.spill_stores += other.spill_stores;
        self.reloads += other.reloads;
        self.moves += other.moves;
        self.remats += other.remats;
        self.spilled_values += other.spilled_values;
        self.slots += other.slots;
        self.cost += other.cost;
        self.stack_args += other.stack_args;
    }
}

impl Dynamic {
    fn add(&mut self, other: &Dynamic) {
        self.insts += other.insts;
        self.spill_stores += other.spill_stores;
        self.reloads += other.reloads;
        self.copies += other.copies;
        self.cost += other.cost;
    }
}

/// A map that keeps the order in which allocators were asked for.
#[derive(Clone, Debug, Default)]
pub struct ByAllocator<T>(pub Vec<(AllocatorKind, T)>);

impl<T> ByAllocator<T> {
    pub fn get(&self, kind: AllocatorKind) -> Option<&T> {
        self.0.iter().find(|(k, _)| *k == kind).map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (AllocatorKind, &T)> {
        self.0.iter().map(|(kind, value)| (*kind, value))
    }
}

impl<T: Serialize> Serialize for ByAllocator<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (kind, value) in &self.0 {
            map.serialize_entry(kind.name(), value)?;
        }
        map.end()
    }
}

impl Report {
    pub fn new(settings: &Settings) -> Report {
        Report {
            schema: SCHEMA,
            target: settings.target_name().to_owned(),
            cpu: settings.cpu.name().to_owned(),
            reg_env: settings.reg_env.to_string(),
            k: settings.reg_env.count(),
            lower_bound: 0,
            functions: Vec::new(),
            totals: ByAllocator(Vec::new()),
            profiles: Vec::new(),
        }
    }

    /// Adds one module, compiled by each of several allocators. `optima` are parallel to its
    /// functions.
    pub fn add_module(&mut self, measured: &[Measured], optima: Option<&[Optimum]>) {
        let Some(Measured { artifact: first, .. }) = measured.first() else { return };
        for (at, function) in first.module.functions.iter().enumerate() {
            let FunctionRole::User { index } = function.role else { continue };
            let allocators =
                ByAllocator(measured.iter().map(|m| (m.allocator, m.at(at))).collect());
            for (kind, figures) in allocators.iter() {
                self.total(kind).add(figures);
            }
            let stats = &first.compiled.functions[at].stats;
            let problem = stats.problem.unwrap_or_default();
            let lower_bound = problem.lower_bound.floor() as u64;
            self.lower_bound += lower_bound;
            self.functions.push(FunctionReport {
                module: first.module.name.clone(),
                index,
                name: function.name.clone(),
                vcode_insts: u64::from(stats.vcode_insts),
                vregs: u64::from(stats.vregs),
                peak_pressure: problem.peak_pressure,
                excess: problem.excess,
                lower_bound,
                optimum: optima.map(|optima| optima[at]),
                ranking: Ranking::new(&allocators, |figures| figures.cost),
                dynamic: Ranking::dynamic(&allocators),
                allocators,
            });
        }
    }

    /// Sums over all functions, if optima were asked for.
    pub fn optimum(&self) -> Option<Optimum> {
        let all = Optimum { proved: true, ..Optimum::default() };
        self.functions.iter().try_fold(all, |sum, function| {
            let Optimum { cost, bound, proved } = function.optimum?;
            Some(Optimum {
                cost: sum.cost + cost,
                bound: sum.bound + bound,
                proved: sum.proved && proved,
            })
        })
    }

    /// How the allocators stand to each other over all functions, by what was executed if anything
    /// was.
    pub fn ranking(&self) -> Ranking {
        let dynamic = Ranking::dynamic(&self.totals);
        dynamic.unwrap_or_else(|| Ranking::new(&self.totals, |figures| figures.cost))
    }

    fn total(&mut self, kind: AllocatorKind) -> &mut Figures {
        let totals = &mut self.totals.0;
        let at = totals.iter().position(|(k, _)| *k == kind).unwrap_or_else(|| {
            totals.push((kind, Figures::default()));
            totals.len() - 1
        });
        &mut totals[at].1
    }
}

impl Measured {
    /// Compiled only.
    pub fn new(allocator: AllocatorKind, artifact: Artifact) -> Measured {
        Measured { allocator, artifact, dynamic: None }
    }

    fn at(&self, at: usize) -> Figures {
        let dynamic = self.dynamic.as_ref().map(|functions| functions[at]);
        Figures { dynamic, ..figures(&self.artifact, at) }
    }
}

/// The figures of the function at a position of the module.
pub fn figures(artifact: &Artifact, at: usize) -> Figures {
    let function = &artifact.compiled.functions[at];
    let stats = &function.stats;
    let alloc = FinalFigures::new(&stats.alloc, 0);
    Figures {
        insts: u64::from(stats.insts),
        code_bytes: function.code.len() as u64,
        spill_stores: alloc.spill_stores,
        reloads: alloc.reloads,
        moves: alloc.moves,
        remats: alloc.remats,
        spilled_values: alloc.spilled_values,
        slots: alloc.slots,
        frame_bytes: function.frame_bytes.into(),
        cost: alloc.cost,
        time_us: stats.time_us,
        reordered: stats.reordered.into(),
        final_: FinalFigures::new(&stats.final_alloc, stats.stack_args),
        dynamic: None,
    }
}
