//! Watches the rules file and its message files, and reloads them as one.
