use windlass_backend::*;
use windlass_isa_thumb2::*;
fn main() {
    let isa = Thumb2::new(&settings::TargetOptions::default()).unwrap();
    for f in std::env::args().skip(1) {
        let bytes = std::fs::read(&f).unwrap();
        let m = match frontend::translate(
            &bytes,
            &options::FrontendOptions { name: "m".into(), ..Default::default() },
        ) {
            Ok(m) => m,
            Err(e) => {
                println!("{f}: {e}");
                continue;
            }
        };
        for kind in options::AllocatorKind::ALL {
            for lvl in [options::OptLevel::None, options::OptLevel::Speed] {
                let o = options::CodegenOptions {
                    opt_level: lvl,
                    allocator: kind,
                    check: true,
                    listings: std::env::var("L").is_ok(),
                    threads: 1,
                };
                match compile_module(&isa, &m, &o) {
                    Ok(c) => {
                        let mut t = (0, 0, 0, 0, 0.0);
                        for f in &c.functions {
                            let s = &f.stats;
                            t.0 += s.vcode_insts;
                            t.1 += s.alloc.spill_stores;
                            t.2 += s.alloc.reloads;
                            t.3 += s.alloc.moves;
                            t.4 += s.alloc.cost;
                            if let Some(l) = &f.listing {
                                println!("{}\n{}", l.clif, l.vcode);
                            }
                        }
                        println!("{f} {} {lvl:?}: {t:?}", kind.name());
                        if std::env::var("F").is_ok() {
                            for (g, m) in c.functions.iter().zip(&m.functions) {
                                println!("   {} {:?}", m.name, g.stats.alloc);
                            }
                        }
                    }
                    Err(e) => println!("{f} {} {lvl:?}: {e}", kind.name()),
                }
            }
        }
    }
}
