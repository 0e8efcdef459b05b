# Leaves a process that edits without end.
cat > /dev/null
setsid sh -c 'while sleep 0.01; do echo echo 1 > answer.sh; done' > /dev/null 2>&1 &
