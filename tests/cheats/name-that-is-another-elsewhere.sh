# Adds a file that takes the place of another where case is not told apart.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
echo 'echo worse' > ANSWER.sh
