//! A rules file of any bytes: rules, or mistakes that stand somewhere, and never a panic. What is
//! said of it can be printed.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use retort::config::{
    self,
    href::{Files, HrefError, Target},
};

/// Message files that are all there, and all alike.
struct Memory;

impl Files for Memory {
    fn read(&mut self, _target: &Target) -> Result<String, HrefError> {
        Ok("%s %m".to_owned())
    }
}

fuzz_target!(|bytes: &[u8]| {
    match config::parse(bytes, Path::new("rules.xml"), &mut Memory) {
        Ok((rules, warnings)) => {
            let covered = (100..=999).filter(|status| rules.covers(*status)).count();
            assert!(covered <= 900);
            let _ = warnings.to_string();
        }
        Err(mistakes) => assert!(!mistakes.to_string().is_empty()),
    }
});
