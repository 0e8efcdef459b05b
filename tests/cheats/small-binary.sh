# Writes bytes that nobody can read.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
printf 'a\0b' > x.bin
