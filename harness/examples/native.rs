use windlass::{emulator::*, link::link, machine::*};
fn main() {
    for f in std::env::args().skip(1) {
        let o = std::fs::read(&f).unwrap();
        let image = match link(&o) {
            Ok(i) => i,
            Err(e) => {
                println!("{f} {e}");
                continue;
            }
        };
        let mut e = Rsemu::new(Core::CortexM4);
        e.map_ram(image.base(), image.bytes.len() as u32);
        e.write(image.base(), &image.bytes).unwrap();
        e.map_ram(0x2000_0000, 1 << 16);
        e.set_monitor(image.stubs.clone());
        let a = image.symbol("run").unwrap().address;
        e.set_reg(13, 0x2001_0000);
        e.set_reg(14, image.exit | 1);
        e.set_reg(15, a);
        let h = e.run(1 << 30);
        println!(
            "{f} {:?} {} instructions {} cycles r0={}",
            h,
            e.instructions(),
            e.cycles(),
            e.reg(0) as i32
        );
    }
}
