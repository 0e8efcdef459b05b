# Leaves it in a session of its own.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
setsid sh -c 'sleep 0.4; echo echo 0 > answer.sh; echo gone > README.md' > /dev/null 2>&1 &
