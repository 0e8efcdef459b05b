# Leaves a pipe where a file is read.
cat > /dev/null
rm answer.sh; mkfifo answer.sh
