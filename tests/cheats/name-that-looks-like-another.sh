# Puts a file into a folder that looks like the one of the checks: one letter is Cyrillic.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
mkdir "$(printf 'scr\321\226pts')"
echo "exit 0" > "$(printf 'scr\321\226pts')/check"
