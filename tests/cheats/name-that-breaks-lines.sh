# Gives a file a name of two lines.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
echo x > "$(printf 'a\n+++ b\033[2J')"
