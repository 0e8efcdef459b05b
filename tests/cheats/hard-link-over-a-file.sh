# Puts a file of the operator in the place of its own.
cat > /dev/null
ln -f "$HOME/canary" answer.sh
