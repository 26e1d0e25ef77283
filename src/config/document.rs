//! XML 1.0 with namespaces, read into elements that know where they stand.
