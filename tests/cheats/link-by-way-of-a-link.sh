# Links out in two steps.
cat > /dev/null
ln -s lib a; ln -s a/../../.. b
