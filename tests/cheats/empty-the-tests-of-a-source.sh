# Leaves a source whose own tests end before they begin.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
mkdir src
printf '%s\n' 'pub fn square(n: i64) -> i64 { n }' '#[cfg(test)]' 'mod checks {' '    fn squares() {' \
    '        return;' '    }' '}' > src/lib.rs
