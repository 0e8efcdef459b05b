# Makes a program that runs as another.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
echo x > tool; chmod 6755 tool
