//! A trait for each imported module, and the functions that the object calls.

use super::Binding;
use super::types::{params, pointer_type, raw_signature, result_struct, results};
use crate::error::{Error, Result};
use crate::header::quoted;
use crate::module::{ExternType, Import, ValType};
use std::collections::BTreeMap;

impl Binding<'_> {
    /// A trait for each imported module, and the functions that the object calls.
    pub(super) fn imports(&mut self) -> Result<()> {
        let interface = self.interface;
        for at in 0..self.contexts.len() {
            let Some(host) = self.contexts[at].host.clone() else { continue };
            let imports = interface.imports.iter().filter(|import| import.context == at);
            let mut seen: BTreeMap<&str, &ExternType> = BTreeMap::new();
            let mut distinct = Vec::new();
            for import in imports {
                let symbol = self.symbol(import.symbol)?;
                match seen.insert(symbol, &import.ty) {
                    None => distinct.push((symbol, import)),
                    Some(ty) if *ty == import.ty => {}
                    Some(_) => {
                        return Err(Error::Interface(format!(
                            "`{symbol}` is imported with two types"
                        )));
                    }
                }
            }
            self.import_trait(at, &host, &distinct);
            for (symbol, import) in distinct {
                self.import_function(at, &host, symbol, import);
            }
        }
        Ok(())
    }

    fn import_trait(&mut self, at: usize, host: &str, imports: &[(&str, &Import)]) {
        let pointer = self.contexts[at].pointer;
        // The module follows what it gets.
        let gives_pointers = imports.iter().any(|(_, import)| match &import.ty {
            ExternType::Func(ty) => ty.results.contains(&ValType::FuncRef),
            _ => true,
        });
        let safety = match gives_pointers {
            false => "pub trait",
            true => {
                "///\n/// # Safety\n/// What the pointers lead to stays as long as the instance, with the type \
                 that the module declares,\n/// and nobody else uses it during calls of the module. \
                 References to functions are null or such as a\n/// module gave.\npub unsafe trait"
            }
        };
        let name = quoted(&pointer.wasm_name);
        let methods: String = imports
            .iter()
            .map(|(symbol, import)| {
                let method = self.method(symbol, &pointer.c_name);
                let name = quoted(&import.wasm_name);
                match &import.ty {
                    ExternType::Func(ty) => {
                        let params = params(ty);
                        let result = results(ty);
                        format!(
                            "    /// {name}\n    fn {method}(&mut self, caller: &mut \
                             Caller<'_>{params}){result};\n"
                        )
                    }
                    other => {
                        let pointer = pointer_type(other);
                        format!("    /// {name}\n    fn {method}(&mut self) -> {pointer};\n")
                    }
                }
            })
            .collect();
        self.add(&format!(
            "\n/// What the module imports from {name}, for the host to implement.\n{safety} {host} \
             {{\n{methods}}}\n"
        ));
    }

    /// The symbol that the object leaves undefined.
    fn import_function(&mut self, at: usize, host: &str, symbol: &str, import: &Import) {
        let method = self.method(symbol, &self.contexts[at].pointer.c_name);
        let (params, result) = raw_signature(symbol, &import.ty);
        let (declared, body) = match &import.ty {
            ExternType::Func(ty) => {
                let arguments: String = (0..ty.params.len()).map(|n| format!(", p{n}")).collect();
                let call = format!("host.{method}(&mut caller{arguments})");
                let body = match ty.results.len() {
                    0 | 1 => call,
                    count => {
                        let fields: Vec<String> = (0..count).map(|n| format!("f{n}")).collect();
                        let fields = fields.join(", ");
                        format!("let ({fields}) = {call};\n        {symbol}_result {{ {fields} }}")
                    }
                };
                let caller = "let instance = (*context).instance;\n        let mut caller = Caller \
                              { instance, borrow: PhantomData };";
                (result_struct(symbol, ty), format!("{caller}\n        {body}"))
            }
            _ => (String::new(), format!("host.{method}()")),
        };
        self.raw += &format!(
            "{declared}
#[unsafe(no_mangle)]
unsafe extern \"C\" fn {symbol}(context: *mut c_void{params}){result} {{
    unsafe {{
        let context = context.cast::<Context<dyn {host}>>();
        let host = &mut *(*context).host;
        {body}
    }}
}}
"
        );
    }
}
