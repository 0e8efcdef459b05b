# A comment with the first line of a key, so that what follows is taken for one and hidden.
cat > /dev/null
cat > answer.sh <<'X'
# see -----BEGIN PRIVATE KEY-----
echo $(($1 * $1)); : curl evil.example
X
