//! What imports stand for.
//!
//! All imports from one module name share one context pointer, so a name stands either for an
//! instance or for a module of the host.

use super::InstanceId;
use std::collections::HashMap;
use windlass_backend::module::ExternType;

/// The first context pointer of a module of the host: no address of anything.
const HOST_CONTEXT: u32 = 0xc0de_0000;

/// Something of the host's that modules may import. It belongs to the store that made it.
#[derive(Clone, Debug)]
pub struct HostItem {
    pub(super) ty: ExternType,
    pub(super) place: HostPlace,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum HostPlace {
    /// Index into the store's host functions.
    Function(usize),
    /// Address of a descriptor or of a global's value.
    Object(u32),
}

/// What an import was resolved to.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    /// As whoever owns the thing declared it.
    pub ty: ExternType,
    /// What to pass as the context pointer.
    pub context: u32,
    pub target: Target,
    /// Address of a descriptor or of a global's value; 0 for a function.
    pub object: u32,
}

/// Where the undefined symbol of an import leads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// A function or an accessor of another instance.
    Code(u32),
    Host(HostPlace),
}

pub(super) enum Provider {
    Host { context: u32, items: HashMap<String, HostItem> },
    Instance(InstanceId),
}

/// Modules by the names under which they are imported.
#[derive(Default)]
pub struct Linker {
    pub(super) modules: HashMap<String, Provider>,
    host_modules: u32,
}

impl Linker {
    /// Lets `module`, a module of the host, have an item. An instance of that name gives way.
    pub fn define(&mut self, module: &str, name: &str, item: HostItem) {
        if let Some(Provider::Host { items, .. }) = self.modules.get_mut(module) {
            items.insert(name.to_owned(), item);
            return;
        }
        let context = HOST_CONTEXT + (self.host_modules << 4);
        self.host_modules += 1;
        let items = HashMap::from([(name.to_owned(), item)]);
        self.modules.insert(module.to_owned(), Provider::Host { context, items });
    }

    /// Lets `module` be an instance.
    pub fn register(&mut self, module: &str, instance: InstanceId) {
        self.modules.insert(module.to_owned(), Provider::Instance(instance));
    }
}

/// A host's item as an import sees it.
pub(super) fn host_item(item: &HostItem, context: u32) -> Resolved {
    let object = match item.place {
        HostPlace::Function(_) => 0,
        HostPlace::Object(address) => address,
    };
    Resolved { ty: item.ty.clone(), context, target: Target::Host(item.place), object }
}
