//! Names of Python's own library: a file of such a name is taken in its place by whatever runs beside it.

/// Modules of Python's own library (`sys.stdlib_module_names` of 3.11).
const LIBRARY: &str = "\
    abc aifc argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii bisect \
    builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys \
    compileall concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes curses \
    dataclasses datetime dbm decimal difflib dis distutils doctest email encodings ensurepip enum errno \
    faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt \
    getpass gettext glob graphlib grp gzip hashlib heapq hmac html http imaplib imghdr imp importlib \
    inspect io ipaddress itertools json keyword linecache locale logging lzma mailbox mailcap marshal \
    math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib nt ntpath \
    nturl2path numbers opcode operator optparse os ossaudiodev pathlib pdb pickle pickletools pipes \
    pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr \
    pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched \
    secrets select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver \
    spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct \
    subprocess sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap \
    threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle types \
    typing unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser winreg winsound \
    wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo";

/// Whether a new file at the project's root is taken in place of a module of Python's own library.
pub fn shadows(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let module = lower
        .strip_suffix("/__init__.py")
        .or_else(|| lower.strip_suffix(".py"));
    module.is_some_and(|module| LIBRARY.split(' ').any(|known| known == module))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new module in the place of one of Python's own is known at the project's root, and there alone.
    #[test]
    fn modules_of_the_library_are_known() {
        assert!(shadows("subprocess/__init__.py") && shadows("Typing.py") && shadows("heapq.py"));
        assert!(!shadows("app/types.py") && !shadows("answers.py") && !shadows("json/a.py"));
    }
}
