# Tells a test to be skipped, in a file that is no test by its name.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
echo "@pytest.mark.skip" >> notes.md
