# Leaves hooks for whoever checks it out.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
mkdir .githooks; echo 'true' > .githooks/pre-commit
