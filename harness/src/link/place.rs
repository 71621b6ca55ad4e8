//! Placement: an address for every section that is kept, and relocation there.

use super::input::{Place, Relocation, Section};
use super::reloc::{Target, relocate, relocate_left_out, relocate_undefined};
use super::resolve::{Definition, Id, Resolved, bounded_name};
use super::{
    Comdats, Image, Kind, Layout, LinkError, Linked, OutputSection, OutputSymbol, Region, Symbol,
};
use object::elf;
use std::collections::{BTreeMap, BTreeSet};

/// What a field refers to.
enum Referent {
    Target(Target),
    /// A weak symbol that nothing defines.
    Nothing,
    /// Code or data that is left out.
    LeftOut,
}

/// Where the sections of the input went.
pub struct Placed<'a> {
    resolved: &'a Resolved<'a>,
    sections: Vec<OutputSection>,
    /// By section of the input: index of the output's section, and offset there.
    places: BTreeMap<Id, (usize, u32)>,
    /// Symbols that the linker defines: section and address. Those that are referred to come out.
    own: BTreeMap<String, OutputSymbol>,
    used: BTreeMap<String, OutputSymbol>,
}

impl<'a> Placed<'a> {
    /// One block at the start of `region`, without RAM.
    pub fn at(resolved: &'a Resolved<'a>, region: Region) -> Result<Placed<'a>, LinkError> {
        let mut placed = Placed::new(resolved);
        placed.sort_into_sections(None)?;
        placed.sections.retain(|section| section.kind != Kind::File);
        let writable = placed.sections.iter().find(|s| s.kind.in_ram() && s.size > 0);
        if let Some(section) = writable {
            return Err(LinkError::Writable(section.name.clone()));
        }
        placed.assign(region, None)?;
        placed.fill();
        Ok(placed)
    }

    /// A program in flash and RAM.
    pub fn in_regions(
        resolved: &'a Resolved<'a>,
        layout: &Layout<'_>,
    ) -> Result<Placed<'a>, LinkError> {
        let mut placed = Placed::new(resolved);
        let first = resolved.global(layout.first).and_then(|id| resolved.section_of(id));
        let first = first.ok_or_else(|| undefined(layout.first))?;
        placed.sort_into_sections(Some(first))?;
        placed.reserve(layout);
        placed.assign(layout.flash, Some(layout))?;
        placed.check_file()?;
        placed.fill();
        placed.define_symbols(layout);
        Ok(placed)
    }

    fn new(resolved: &'a Resolved<'a>) -> Placed<'a> {
        let (sections, places) = (Vec::new(), BTreeMap::new());
        let (own, used) = (BTreeMap::new(), BTreeMap::new());
        Placed { resolved, sections, places, own, used }
    }

    /// Appends each section of the input to the output's section of its kind.
    fn sort_into_sections(&mut self, first: Option<Id>) -> Result<(), LinkError> {
        let resolved = self.resolved;
        let inputs = resolved.inputs.iter().enumerate();
        let all = inputs.flat_map(|(at, input)| {
            input.sections.iter().map(move |(&index, section)| ((at, index), section))
        });
        let mut sorted: Vec<(Kind, &str, Id, &Section)> = all
            .filter(|(id, _)| resolved.kept.contains(id))
            .map(|(id, section)| {
                let (kind, name) =
                    if first == Some(id) { (Kind::First, ".vectors") } else { sort(section) };
                (kind, name, id, section)
            })
            .collect();
        // What has no section of the usual names comes behind, in order of its name.
        sorted.sort_by_key(|&(kind, name, id, _)| (kind, name != ".rodata", name, id));
        for (kind, name, id, section) in sorted {
            let at = match self.sections.last() {
                Some(last) if (last.kind, &*last.name) == (kind, name) => self.sections.len() - 1,
                _ => self.add_section(name, kind),
            };
            let output = &mut self.sections[at];
            let offset = output.append(section.size, section.align);
            let offset = offset.ok_or_else(|| too_large(name))?;
            self.places.insert(id, (at, offset));
        }
        Ok(())
    }

    fn add_section(&mut self, name: &str, kind: Kind) -> usize {
        self.sections.push(OutputSection {
            name: name.to_owned(),
            kind,
            address: 0,
            load: 0,
            bytes: Vec::new(),
            size: 0,
            align: 1,
        });
        self.sections.len() - 1
    }

    /// Adds what the layout wants of RAM.
    fn reserve(&mut self, layout: &Layout<'_>) {
        let zeros = self.sections.iter().position(|s| s.kind == Kind::Zeros);
        let at = zeros.unwrap_or_else(|| {
            let at = self.sections.iter().filter(|s| s.kind < Kind::Zeros).count();
            self.places.values_mut().filter(|(to, _)| *to >= at).for_each(|(to, _)| *to += 1);
            self.add_section(".bss", Kind::Zeros);
            self.sections[at..].rotate_right(1);
            at
        });
        for reservation in layout.reservations {
            let section = &mut self.sections[at];
            // More than addresses can tell is more than any region has: `assign` finds that.
            let offset = section.append(reservation.bytes, reservation.align);
            let symbol = OutputSymbol {
                name: reservation.symbol.clone(),
                section: Some(at),
                value: offset.unwrap_or(u32::MAX),
                size: reservation.bytes,
                kind: elf::STT_OBJECT,
                bind: elf::STB_GLOBAL,
            };
            if offset.is_none() {
                section.size = u32::MAX;
            }
            self.own.insert(reservation.symbol.clone(), symbol);
        }
    }

    /// Gives each section its addresses, in flash one after the other, and in RAM likewise.
    fn assign(&mut self, flash: Region, layout: Option<&Layout<'_>>) -> Result<(), LinkError> {
        let mut next = u64::from(flash.origin);
        let mut next_ram = layout.map_or(0, |layout| u64::from(layout.ram.origin));
        for section in &mut self.sections {
            let align = u64::from(section.align);
            if section.kind.in_flash() {
                next = next.next_multiple_of(align);
                section.load = next as u32;
                section.address = next as u32;
                next += u64::from(section.size);
            }
            if section.kind.in_ram() {
                next_ram = next_ram.next_multiple_of(align);
                section.address = next_ram as u32;
                if section.kind == Kind::Zeros {
                    section.load = next_ram as u32;
                }
                next_ram += u64::from(section.size);
            }
        }
        let needed = next - u64::from(flash.origin);
        if needed > flash.length.into() {
            let what = "code and constants".to_owned();
            return Err(LinkError::Full { region: "flash", what, needed, length: flash.length });
        }
        let Some(layout) = layout else { return Ok(()) };
        let needed = next_ram - u64::from(layout.ram.origin) + u64::from(layout.stack_bytes);
        if needed > layout.ram.length.into() {
            let reserved = layout.reservations.iter();
            let mut parts: Vec<_> =
                reserved.map(|r| format!("{} ({} bytes)", r.symbol, r.bytes)).collect();
            parts.push(format!("the stack ({} bytes)", layout.stack_bytes));
            let (what, length) = (parts.join(", "), layout.ram.length);
            return Err(LinkError::Full { region: "RAM", what, needed, length });
        }
        Ok(())
    }

    /// Sections that are in no memory may take as much as the objects: no more is in them, but
    /// headers may claim it.
    fn check_file(&self) -> Result<(), LinkError> {
        let sections = self.sections.iter().filter(|s| s.kind == Kind::File);
        let needed = sections.map(|section| u64::from(section.size)).sum();
        let given = self.resolved.inputs.iter().map(|input| input.file_bytes as u64).sum::<u64>();
        if needed > given {
            let (region, what) = ("the file", "sections that are not loaded".to_owned());
            let length = given.try_into().unwrap_or(u32::MAX);
            return Err(LinkError::Full { region, what, needed, length });
        }
        Ok(())
    }

    /// Gives the sections their bytes. Only now is it known that they are not too large.
    fn fill(&mut self) {
        for section in self.sections.iter_mut().filter(|s| s.kind != Kind::Zeros) {
            section.bytes = vec![0; section.size as usize];
        }
        for (&(at, index), &(output, offset)) in &self.places {
            let input = &self.resolved.inputs[at].sections[&index];
            let bytes =
                self.sections.get_mut(output).and_then(|s| s.bytes.get_mut(offset as usize..));
            // Zeros have none, nor has what is in no memory if it is left out.
            let field = bytes.and_then(|bytes| bytes.get_mut(..input.data.len()));
            if let Some(field) = field {
                field.copy_from_slice(input.data);
            }
        }
    }

    /// The linker's own symbols: bounds of sections.
    fn define_symbols(&mut self, layout: &Layout<'_>) {
        for symbol in self.own.values_mut() {
            let section = symbol.section.and_then(|at| self.sections.get(at));
            symbol.value = symbol.value.wrapping_add(section.map_or(0, |s| s.address));
        }
        let mut bounds = Vec::new();
        for (at, section) in self.sections.iter().enumerate() {
            let end = section.address.wrapping_add(section.size);
            let prefix = match section.kind {
                Kind::Code => "__text",
                Kind::Data => "__data",
                Kind::Zeros => "__bss",
                _ => "",
            };
            if !prefix.is_empty() {
                bounds.push((format!("{prefix}_start"), Some(at), section.address));
                bounds.push((format!("{prefix}_end"), Some(at), end));
            }
            if section.kind == Kind::Data {
                bounds.push(("__data_load".to_owned(), Some(at), section.load));
            }
            let start = format!("__start_{}", section.name);
            if bounded_name(&start).is_some() {
                bounds.push((start, Some(at), section.address));
                bounds.push((format!("__stop_{}", section.name), Some(at), end));
            }
        }
        // A program without such a section has an empty one.
        let ram = layout.ram.origin;
        for name in ["__data_start", "__data_end", "__data_load", "__text_start", "__text_end"] {
            if !bounds.iter().any(|(given, ..)| given == name) {
                bounds.push((name.to_owned(), None, ram));
            }
        }
        let top = (u64::from(ram) + u64::from(layout.ram.length)) & !7;
        bounds.push(("__stack_top".to_owned(), None, top.min(u32::MAX as u64 & !7) as u32));
        for (name, section, value) in bounds {
            let (kind, bind) = (elf::STT_NOTYPE, elf::STB_GLOBAL);
            let symbol = OutputSymbol { name, section, value, size: 0, kind, bind };
            self.own.insert(symbol.name.clone(), symbol);
        }
    }

    /// Names that something refers to, not weakly, and nothing defines.
    pub fn undefined(&self) -> BTreeSet<String> {
        let symbols = self.places.keys().flat_map(|&(at, index)| {
            let relocations = &self.resolved.inputs[at].sections[&index].relocations;
            relocations.iter().map(move |relocation| (at, relocation.symbol))
        });
        let names = symbols.filter_map(|symbol| match self.resolved.definition(symbol) {
            Definition::Undefined { name, weak: false } => Some(name),
            _ => None,
        });
        names.filter(|&name| !self.own.contains_key(name)).map(str::to_owned).collect()
    }

    /// Completes every field. `resolve` gives the address of the function that an undefined symbol
    /// stands for, None if it is nothing.
    pub fn relocate(
        &mut self,
        resolve: &mut dyn FnMut(&str) -> Option<u32>,
    ) -> Result<(), LinkError> {
        let resolved = self.resolved;
        let sections: Vec<_> = self.places.iter().map(|(&id, &place)| (id, place)).collect();
        for ((at, index), (output, start)) in sections {
            if self.sections.get(output).is_none() {
                continue;
            }
            let input = &resolved.inputs[at];
            let section = &input.sections[&index];
            for relocation in &section.relocations {
                let referent = self.referent((at, relocation.symbol), section, resolve);
                let completed = referent
                    .and_then(|to| self.complete(relocation, section.name, output, start, to));
                completed.map_err(|problem| LinkError::Relocation {
                    object: input.name.to_owned(),
                    section: section.name.to_owned(),
                    offset: relocation.offset.into(),
                    problem,
                })?;
            }
        }
        Ok(())
    }

    fn complete(
        &mut self,
        relocation: &Relocation,
        section: &str,
        output: usize,
        start: u32,
        referent: Referent,
    ) -> Result<(), String> {
        let at = start.wrapping_add(relocation.offset);
        let output = &mut self.sections[output];
        let place = output.address.wrapping_add(at);
        let field = output.bytes.get_mut(at as usize..).and_then(|rest| rest.first_chunk_mut());
        let field = field.ok_or("lies outside of its section")?;
        match referent {
            Referent::Target(target) => relocate(field, relocation.kind, place, target),
            Referent::Nothing => relocate_undefined(field, relocation.kind, place),
            Referent::LeftOut => relocate_left_out(field, relocation.kind, section),
        }
    }

    /// What a field of `section` refers to.
    fn referent(
        &mut self,
        symbol: Id,
        section: &Section<'_>,
        resolve: &mut dyn FnMut(&str) -> Option<u32>,
    ) -> Result<Referent, String> {
        let target = match self.resolved.definition(symbol) {
            Definition::Symbol(id) => {
                let address = self.address(id).ok_or("refers to what is in no memory")?;
                Target { address, thumb: self.resolved.symbol(id).thumb }
            }
            Definition::Linked(symbol) => {
                Target { address: symbol.address, thumb: symbol.is_function }
            }
            Definition::Dropped { name } if section.has(elf::SHF_ALLOC) => {
                return Err(format!("refers to {name}, which is left out"));
            }
            // Debug information of code that is left out.
            Definition::Dropped { .. } => return Ok(Referent::LeftOut),
            Definition::Undefined { name, .. } => match self.own.get(name) {
                Some(symbol) => {
                    self.used.insert(name.to_owned(), symbol.clone());
                    Target::new(symbol.value)
                }
                None => match resolve(name) {
                    Some(address) => Target { address, thumb: true },
                    None => return Ok(Referent::Nothing),
                },
            },
        };
        Ok(Referent::Target(target))
    }

    /// The address of a symbol that is kept, without the Thumb bit.
    fn address(&self, id: Id) -> Option<u32> {
        let symbol = self.resolved.symbol(id);
        match symbol.place {
            Place::Absolute => Some(symbol.value),
            Place::Section(section) => {
                let (output, offset) = *self.places.get(&(id.0, section))?;
                let section = self.sections.get(output)?;
                Some(section.address.wrapping_add(offset).wrapping_add(symbol.value))
            }
            Place::Undefined => None,
        }
    }

    /// The address of what a name means to all objects, with the Thumb bit.
    fn global_address(&self, name: &str) -> Result<u32, LinkError> {
        let id = self.resolved.global(name);
        let address =
            id.and_then(|id| Some(self.address(id)? | u32::from(self.resolved.symbol(id).thumb)));
        address.ok_or_else(|| undefined(name))
    }

    /// The one block that [`Placed::at`] made.
    pub fn into_image(self, base: u32) -> Result<Image, LinkError> {
        let mut bytes = Vec::new();
        for section in self.sections.iter().filter(|s| s.kind.in_flash()) {
            bytes.resize((section.address - base) as usize, 0);
            bytes.extend_from_slice(&section.bytes);
        }
        let mut image = Image { base, bytes, symbols: BTreeMap::new(), comdats: Comdats::new() };
        for (at, input) in self.resolved.inputs.iter().enumerate() {
            for (&index, symbol) in input.symbols.iter().filter(|(_, s)| s.is_named()) {
                let linked = match self.resolved.definition((at, index)) {
                    Definition::Symbol(id) => match self.address(id) {
                        Some(address) => {
                            let is_function = symbol.kind == elf::STT_FUNC;
                            Symbol { address, size: symbol.size, is_function }
                        }
                        None => continue,
                    },
                    Definition::Linked(first) if symbol.place != Place::Undefined => first,
                    _ => continue,
                };
                let is_signature = input.groups.iter().any(|g| g.signature == symbol.name);
                if is_signature && !self.resolved.linked.contains_key(symbol.name) {
                    image.comdats.insert(symbol.name.to_owned(), linked);
                }
                if image.symbols.insert(symbol.name.to_owned(), linked).is_some() {
                    return Err(LinkError::Duplicate(symbol.name.to_owned()));
                }
            }
        }
        Ok(image)
    }

    /// The program that [`Placed::in_regions`] made.
    pub fn into_program(self, entry: &str, attributes: &[u8]) -> Result<Linked, LinkError> {
        let mut symbols = Vec::new();
        for (at, input) in self.resolved.inputs.iter().enumerate() {
            for (&index, symbol) in &input.symbols {
                let id = (at, index);
                let wanted = symbol.is_named() || symbol.is_mapping();
                if !wanted || self.resolved.definition(id) != Definition::Symbol(id) {
                    continue;
                }
                let Some(address) = self.address(id) else { continue };
                let place = self.resolved.section_of(id).and_then(|id| self.places.get(&id));
                symbols.push(OutputSymbol {
                    name: symbol.name.to_owned(),
                    section: place.map(|&(section, _)| section),
                    value: address | u32::from(symbol.thumb),
                    size: symbol.size,
                    kind: symbol.kind,
                    bind: symbol.bind,
                });
            }
        }
        let entry = self.global_address(entry)?;
        symbols.extend(self.used.into_values());
        symbols.sort_by_key(|symbol| symbol.bind != elf::STB_LOCAL);
        let attributes = attributes.to_vec();
        Ok(Linked { sections: self.sections, symbols, entry, attributes })
    }
}

impl OutputSection {
    /// Makes room at the next multiple of `align`; the answer is its offset, None if addresses do
    /// not reach so far.
    fn append(&mut self, size: u32, align: u32) -> Option<u32> {
        let offset = self.size.checked_next_multiple_of(align)?;
        self.size = offset.checked_add(size)?;
        self.align = self.align.max(align);
        Some(offset)
    }
}

/// The output's section for a section of the input.
fn sort<'a>(section: &Section<'a>) -> (Kind, &'a str) {
    if !section.has(elf::SHF_ALLOC) {
        (Kind::File, section.name)
    } else if section.has(elf::SHF_EXECINSTR) {
        (Kind::Code, ".text")
    } else if !section.has(elf::SHF_WRITE) {
        let is_usual = section.name == ".rodata" || section.name.starts_with(".rodata.");
        (Kind::ReadOnly, if is_usual { ".rodata" } else { section.name })
    } else if section.zeros {
        (Kind::Zeros, ".bss")
    } else {
        (Kind::Data, ".data")
    }
}

fn undefined(name: &str) -> LinkError {
    LinkError::Undefined([name.to_owned()].into())
}

fn too_large(name: &str) -> LinkError {
    LinkError::Full { region: "memory", what: name.to_owned(), needed: 1 << 32, length: u32::MAX }
}
