# Leaves a process that edits after the verdict.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
sh -c 'sleep 0.4; echo echo 0 > answer.sh; echo gone > README.md' > /dev/null 2>&1 &
