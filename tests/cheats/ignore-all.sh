# Tells git to keep nothing.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
printf '*\n' > .gitignore
