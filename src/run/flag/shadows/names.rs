//! Names that interpreters and compilers look for in a project before they look where their own lie.

/// Modules of Python's own library (`sys.stdlib_module_names` of 3.11).
pub(super) const LIBRARY: &str = "\
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

/// Modules that tests and checks in Python run with.
pub(super) const PYTHON_TOOLS: &str = "\
    _pytest aiohttp anyio astroid attr attrs behave black bs4 certifi charset_normalizer click coverage \
    dateutil django execnet fastapi flake8 flask freezegun hypothesis httpx idna \
    iniconfig isort jinja2 jsonschema lxml matplotlib mccabe mock mypy nose nose2 nox numpy packaging \
    pandas pip pkg_resources pluggy polars psutil pycodestyle pydantic pyflakes pylint pyright pytest \
    pytest_asyncio pytest_cov pytest_mock pytest_timeout pytz requests requests_mock rich ruff scipy \
    setuptools simplejson six sklearn sqlalchemy starlette tensorflow tomli torch tornado tox trio \
    typeguard typer typing_extensions urllib3 werkzeug wheel xdist yaml";

/// Files that Ruby's programs and tests require.
pub(super) const RUBY: &str = "\
    abbrev active_support base64 benchmark bigdecimal bundler bundler/setup capybara cgi coverage csv \
    cucumber date delegate digest drb english erb etc expect factory_bot fiddle fileutils find forwardable \
    io/console ipaddr json logger matrix minitest minitest/autorun minitest/spec mocha monitor net/http \
    observer open-uri open3 openssl optparse ostruct pathname pp prettyprint prime psych rack/test rake \
    rake/testtask rspec rspec/autorun rspec/core rspec/expectations rspec/mocks rubygems securerandom set \
    shellwords shoulda simplecov singleton socket stringio strscan tempfile test/unit time timeout tmpdir \
    tsort uri vcr weakref webmock yaml zlib";

/// Modules of Perl's own library that programs and tests use.
pub(super) const PERL: &str = "\
    autodie b base benchmark bigint bignum bytes carp charnames config constant cwd data/dumper diagnostics \
    digest/md5 digest/sha dynaloader encode english errno exporter fcntl feature fields file/basename \
    file/compare file/copy file/find file/path file/spec file/temp findbin getopt/long hash/util if integer \
    io/file io/handle ipc/open2 ipc/open3 json json/pp lib list/util locale math/bigint mime/base64 moose \
    mro open overload parent posix re scalar/util selectsaver sigtrap socket storable strict symbol \
    sys/hostname text/diff text/parsewords text/wrap threads tie/array tie/hash time/hires time/local \
    time/piece try/tiny unicode/normalize universal utf8 vars version vmsish warnings xsloader yaml";

/// Beginnings of such names.
pub(super) const PERL_TOOLS: [&str; 5] = ["test/", "test2/", "tap/", "app/prove", "perl/critic"];

/// Modules that tests in Lua run with.
pub(super) const LUA: &str = "busted luassert luaunit lunatest lust say telescope";

/// Headers that tests in C and C++ stand on, by the end of their path.
pub(super) const HEADERS: [&str; 16] = [
    "assert.h",
    "cassert",
    "stdlib.h",
    "cstdlib",
    "stdio.h",
    "cstdio",
    "gtest.h",
    "gmock.h",
    "catch.hpp",
    "catch_amalgamated.hpp",
    "catch_all.hpp",
    "catch_test_macros.hpp",
    "doctest.h",
    "cmocka.h",
    "munit.h",
    "criterion.h",
];

/// Packages of classes that tests on the JVM stand on.
pub(super) const CLASSES: [&str; 12] = [
    "org/junit/",
    "junit/framework/",
    "org/testng/",
    "org/mockito/",
    "org/hamcrest/",
    "org/assertj/",
    "org/scalatest/",
    "org/spockframework/",
    "io/kotest/",
    "kotlin/test/",
    "java/lang/",
    "java/util/",
];

/// Folders that tools install modules of others into, and take them from.
pub(super) const INSTALLED: [&str; 10] = [
    "node_modules",
    "bower_components",
    "jspm_packages",
    "site-packages",
    "dist-packages",
    "__pypackages__",
    ".venv",
    "venv",
    "vendor",
    ".bundle",
];

/// Endings of what lies in such folders and runs nothing.
pub(super) const INERT: [&str; 14] = [
    "md", "css", "scss", "less", "map", "svg", "png", "jpg", "jpeg", "gif", "ico", "woff", "woff2",
    "ttf",
];
